package caddy_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestWholeIdentity: Caddyfile passes on scopes and key id too, with the change that its
// comment says. If the service does not tell them, a client cannot.
// Caddy 2.6 passes on the name of a placeholder.
func TestWholeIdentity(t *testing.T) {
	t.Parallel()
	const passUser, more = "copy_headers X-Auth-Request-User", " X-Auth-Request-Scopes X-Auth-Request-Key"
	proxytest.Comments(t, "Caddyfile", "#", proxytest.WholeVariable, "X-Auth-Request-Scopes", "X-Auth-Request-Key behind X-Auth-Request-User")
	start := func(service *proxytest.Service) *proxytest.Site {
		return start(t, "Caddyfile", service, passUser, passUser+more)
	}
	whole := start(proxytest.WholeService(t))
	whole.CheckWhole(t, "/")
	whole.CheckUpgrade(t, "/")
	start(proxytest.StartUnnamed(t)).CheckUnnamed(t)
}
