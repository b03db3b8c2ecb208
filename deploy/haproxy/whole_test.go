package haproxy_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestWholeIdentity: haproxy.cfg passes on scopes and key id too, with the change that its
// comment says. If the service does not tell them, a client cannot tell them instead.
func TestWholeIdentity(t *testing.T) {
	t.Parallel()
	const commented = "#http-request set-header"
	proxytest.Comments(t, "haproxy.cfg", "#", proxytest.WholeVariable)
	start := func(service *proxytest.Service) *proxytest.Site {
		return start(t, "haproxy.cfg", service, "", "", commented, commented[1:])
	}
	whole := start(proxytest.WholeService(t))
	whole.CheckWhole(t, "/")
	whole.CheckUpgrade(t, "/")
	site := start(proxytest.StartService(t, proxytest.KeyringVariable(t)))
	site.PassesEmpty = true
	site.CheckIdentity(t)
	start(proxytest.StartUnnamed(t)).CheckUnnamed(t)
}
