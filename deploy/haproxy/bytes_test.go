package haproxy_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestBytes: HAProxy refuses the bytes itself, unless it is told otherwise.
func TestBytes(t *testing.T) {
	t.Parallel()
	s := proxytest.StartService(t, proxytest.TokenVariable)
	start(t, "haproxy.cfg", s).CheckBytes(t, true)
}

// TestPaths: what HAProxy tells of a path is in the way of no request.
func TestPaths(t *testing.T) {
	t.Parallel()
	start(t, "haproxy.cfg", proxytest.StartService(t, proxytest.TokenVariable)).CheckPaths(t, 12000)
}
