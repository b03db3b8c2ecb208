// Package admin serves a status page, metrics, health and readiness: what the admin listener answers.
package admin

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/concrete-security/auth-service/internal/admin/wipehttp"
	"github.com/concrete-security/auth-service/internal/censor"
	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/internal/tokens"
	"github.com/concrete-security/auth-service/server"
)

// MaxConnections is how many connections the admin listener has open at most.
const MaxConnections = wipehttp.MaxConnections

const (
	statusPath  = "/"
	metricsPath = "/metrics"
	healthPath  = "/health"
	readyPath   = "/ready"
)

// A Service is what the admin listener tells about.
type Service struct {
	Server  *server.Server
	Reloads func() tokens.Reloads
	Version string
	// Started is when the service was started.
	Started time.Time
	// Listeners and AdminListeners are where the service and this listener can be reached.
	Listeners, AdminListeners []string
	// Draining is done when the server stops.
	Draining context.Context
	// Censor removes from the status page what looks like a token. It may be nil.
	Censor *censor.Censor
}

// answer is the [wipehttp.Handler] of the admin listener.
func (s *Service) answer(r wipehttp.Request) wipehttp.Response {
	switch {
	case r.Path == statusPath:
		return s.status(r)
	case r.Path == metricsPath:
		return s.metrics(r)
	case r.Path == healthPath:
		return say(httptext.StatusOK, "healthy")
	case s.Draining.Err() != nil:
		return say(httptext.StatusServiceUnavailable, "draining")
	case !s.Server.Usable():
		return say(httptext.StatusServiceUnavailable, "no usable token")
	default:
		return say(httptext.StatusOK, "ready")
	}
}

func say(status int, text string) wipehttp.Response {
	return wipehttp.Response{
		Status: status,
		Fields: []wipehttp.Field{{Name: "Content-Type", Value: "text/plain"}, {Name: "Cache-Control", Value: "no-store"}},
		Body:   []byte(text),
	}
}

// Serve serves on the listeners until the returned function is called, which closes
// them.
func (s *Service) Serve(listeners []net.Listener, logger *slog.Logger) (closeAll func()) {
	srv := wipehttp.New(s.answer, logger, statusPath, metricsPath, healthPath, readyPath)
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
