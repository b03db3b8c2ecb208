package admin

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/tokens"
	"github.com/concrete-security/auth-service/server"
)

// TestRoutes: what there is, and nothing else; above all no verdicts.
func TestRoutes(t *testing.T) {
	t.Parallel()
	srv := server.New(nil, server.Options{Logger: slog.New(slog.DiscardHandler)})
	draining, cancel := context.WithCancel(t.Context())
	defer cancel()
	handler := (&Service{Server: srv, Reloads: func() tokens.Reloads { return tokens.Reloads{} }, Draining: draining}).Handler()
	for request, want := range map[string]int{
		"GET /metrics": 200, "GET /health": 200, "HEAD /health": 200, "GET /ready": 503,
		"POST /metrics": 405, "POST /ready": 405, "GET /": 404, "GET /auth": 404, "GET /debug/pprof/": 404, "GET /health/x": 404,
	} {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", request, w.Code, want)
		}
	}
}
