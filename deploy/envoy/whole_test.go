package envoy_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestWholeIdentity: envoy.yaml passes on scopes and key id too, with the change that its
// comment says. If the service does not tell them, a client cannot tell them instead.
func TestWholeIdentity(t *testing.T) {
	t.Parallel()
	const (
		passUser = "allowed_upstream_headers: { patterns: [{ exact: x-auth-request-user, ignore_case: true }] }"
		pass     = "allowed_upstream_headers: { patterns: [{ prefix: x-auth-request-, ignore_case: true }] }"
	)
	proxytest.Comments(t, "envoy.yaml", "#", proxytest.WholeVariable, pass)
	start := func(service *proxytest.Service) *proxytest.Site {
		return start(t, "envoy.yaml", service, passUser, pass)
	}
	whole := start(proxytest.WholeService(t))
	whole.CheckWhole(t, "/")
	whole.CheckUpgrade(t, "/")
	start(proxytest.StartService(t, proxytest.KeyringVariable(t))).CheckIdentity(t)
	start(proxytest.StartUnnamed(t)).CheckUnnamed(t)
}
