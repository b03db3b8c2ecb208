package envoy_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestBytes: over HTTP/1.1, Envoy refuses the bytes itself. Over HTTP/2 it passes them
// on.
func TestBytes(t *testing.T) {
	t.Parallel()
	s := proxytest.StartService(t, proxytest.TokenVariable)
	start(t, "envoy.yaml", s).CheckBytes(t, true)
}
