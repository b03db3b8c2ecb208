package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/concrete-security/auth-service/internal/admin"
)

const (
	metricsPath = "/metrics"
	healthPath  = "/health"
	readyPath   = "/ready"
)

// newAdmin returns the handler of the admin listener. draining is done when
// the server stops.
func newAdmin(draining context.Context, usable func() bool, metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+metricsPath, promhttp.HandlerFor(metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "healthy")
	})
	mux.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case draining.Err() != nil:
			answer(w, http.StatusServiceUnavailable, "draining")
		case !usable():
			answer(w, http.StatusServiceUnavailable, "no usable token")
		default:
			answer(w, http.StatusOK, "ready")
		}
	})
	return mux
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// serveAdmin serves until the returned function is called.
func serveAdmin(listeners []net.Listener, handler http.Handler, logger *slog.Logger) (closeAdmin func()) {
	server := admin.New(handler, logger, metricsPath, healthPath, readyPath)
	for _, l := range listeners {
		go func() {
			if err := server.Serve(l); err != nil {
				logger.Error("the admin listener has stopped", "error", err.Error())
			}
		}()
	}
	return func() {
		server.Close()
		closeAll(listeners)
	}
}
