package caddy_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

func TestBytes(t *testing.T) {
	t.Parallel()
	s := proxytest.StartService(t, proxytest.TokenVariable)
	start(t, "Caddyfile", s).CheckBytes(t, false)
}

// TestPaths: what Caddy tells of a path is in the way of no request.
func TestPaths(t *testing.T) {
	t.Parallel()
	start(t, "Caddyfile", proxytest.StartService(t, proxytest.TokenVariable)).CheckPaths(t, 7000)
}
