package nginx_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

func TestBytes(t *testing.T) {
	t.Parallel()
	s := proxytest.StartService(t, proxytest.TokenVariable)
	start(t, "recommended.conf", s).CheckBytes(t, false)
}
