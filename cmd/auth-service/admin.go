package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// newAdmin returns the handler of the admin listener. draining is done when
// the server stops.
func newAdmin(draining context.Context, usable func() bool, metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "healthy")
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
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

// serveAdmin serves until the listeners' server is closed by the returned
// function.
func serveAdmin(listeners []net.Listener, handler http.Handler, logger *slog.Logger) (closeAdmin func()) {
	admin := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	for _, l := range listeners {
		go func() {
			if err := admin.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				logger.Error("the admin listener has stopped", "error", err.Error())
			}
		}()
	}
	return func() { _ = admin.Close() }
}
