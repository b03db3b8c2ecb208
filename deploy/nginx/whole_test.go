package nginx_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// What recommended.conf says to change to pass on the whole identity.
const (
	noScopes   = `proxy_set_header X-Auth-Request-Scopes "";`
	noKey      = `proxy_set_header X-Auth-Request-Key "";`
	passScopes = `proxy_set_header X-Auth-Request-Scopes $auth_scopes;`
	passKeyID  = `proxy_set_header X-Auth-Request-Key $auth_key;`
	commented  = "#auth_request_set"
)

// startWhole runs recommended.conf with those changes.
func startWhole(t *testing.T, service *proxytest.Service) *proxytest.Site {
	t.Helper()
	return start(t, "recommended.conf", service, commented, commented[1:], noScopes, passScopes, noKey, passKeyID)
}

func TestWholeIdentity(t *testing.T) {
	t.Parallel()
	proxytest.Comments(t, "recommended.conf", "#", proxytest.WholeVariable, "$auth_scopes and $auth_key in place of \"\"")
	startWhole(t, proxytest.WholeService(t)).CheckWhole(t, "/")
}

// If the service does not tell the whole identity, a client cannot tell it instead.
func TestIdentityThatIsNotTold(t *testing.T) {
	t.Parallel()
	startWhole(t, proxytest.StartService(t, proxytest.KeyringVariable(t))).CheckIdentity(t)
	startWhole(t, proxytest.StartUnnamed(t)).CheckUnnamed(t)
}
