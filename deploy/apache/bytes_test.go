package apache_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

func TestBytes(t *testing.T) {
	t.Parallel()
	s := proxytest.StartService(t, proxytest.TokenVariable)
	start(t, "auth-service.conf", s).CheckBytes(t, false)
}

// TestPaths: what httpd tells of a path is in the way of no request.
func TestPaths(t *testing.T) {
	t.Parallel()
	start(t, "auth-service.conf", proxytest.StartService(t, proxytest.TokenVariable)).CheckPaths(t, 7000)
}
