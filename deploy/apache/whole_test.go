package apache_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestWholeIdentity: auth-service.conf passes on scopes and key id too, with the change that its
// comment says. If the service does not tell them, a client cannot tell them instead.
func TestWholeIdentity(t *testing.T) {
	t.Parallel()
	const commented = "#RequestHeader set"
	proxytest.Comments(t, "auth-service.conf", "#", proxytest.WholeVariable)
	start := func(service *proxytest.Service) *proxytest.Site {
		return start(t, "auth-service.conf", service, commented, commented[1:])
	}
	whole := start(proxytest.WholeService(t))
	whole.CheckWhole(t, "/")
	whole.CheckUpgrade(t, "/")
	site := start(proxytest.StartService(t, proxytest.KeyringVariable(t)))
	site.PassesEmpty = true
	site.CheckIdentity(t)
	start(proxytest.StartUnnamed(t)).CheckUnnamed(t)
}
