// Package admin serves metrics, health and readiness: what the admin listener answers.
package admin

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/concrete-security/auth-service/internal/admin/wipehttp"
	"github.com/concrete-security/auth-service/internal/tokens"
	"github.com/concrete-security/auth-service/server"
)

// MaxConnections is how many connections the admin listener has open at most.
const MaxConnections = wipehttp.MaxConnections

const (
	metricsPath = "/metrics"
	healthPath  = "/health"
	readyPath   = "/ready"
)

// A Service is what the admin listener tells about.
type Service struct {
	Server  *server.Server
	Reloads func() tokens.Reloads
	Version string
	// Draining is done when the server stops.
	Draining context.Context
}

// Handler returns the handler of the admin listener.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+metricsPath, promhttp.HandlerFor(s.registry(), promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "healthy")
	})
	mux.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case s.Draining.Err() != nil:
			answer(w, http.StatusServiceUnavailable, "draining")
		case !s.Server.Usable():
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

// Serve serves on the listeners until the returned function is called, which closes
// them.
func (s *Service) Serve(listeners []net.Listener, logger *slog.Logger) (closeAll func()) {
	srv := wipehttp.New(s.Handler(), logger, metricsPath, healthPath, readyPath)
	for _, l := range listeners {
		go func() {
			if err := srv.Serve(l); err != nil {
				logger.Error("the admin listener has stopped", "error", err.Error())
			}
		}()
	}
	return func() {
		srv.Close()
		for _, l := range listeners {
			_ = l.Close()
		}
	}
}
