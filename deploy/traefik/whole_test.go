package traefik_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestWholeIdentity: dynamic.yml passes on scopes and key id too, with the change that its
// comment says. If the service does not tell them, a client cannot tell them instead.
func TestWholeIdentity(t *testing.T) {
	t.Parallel()
	const passUser, pass = "authResponseHeaders: [X-Auth-Request-User]", "authResponseHeaders: [X-Auth-Request-User, X-Auth-Request-Scopes, X-Auth-Request-Key]"
	proxytest.Comments(t, "dynamic.yml", "#", proxytest.WholeVariable, pass)
	start := func(service *proxytest.Service) *proxytest.Site {
		return start(t, "traefik.yml", "dynamic.yml", service, passUser, pass)
	}
	whole := start(proxytest.WholeService(t))
	whole.CheckWhole(t, "/")
	whole.CheckUpgrade(t, "/")
	start(proxytest.StartService(t, proxytest.KeyringVariable(t))).CheckIdentity(t)
	start(proxytest.StartUnnamed(t)).CheckUnnamed(t)
}
