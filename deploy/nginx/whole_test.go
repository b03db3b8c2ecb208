package nginx_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/tokentest"
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

// TestManyScopes: nginx takes an answer only if its head fits proxy_buffer_size, by
// default 4 KB on most machines.
func TestManyScopes(t *testing.T) {
	t.Parallel()
	const ends = "proxy_http_version 1.1;"
	var scopes []string
	for i := range 61 {
		scopes = append(scopes, fmt.Sprintf("%064d", i))
	}
	keyring := filepath.Join(t.TempDir(), "keyring")
	proxytest.WriteFile(t, keyring, tokentest.KeyringLine("grafana", proxytest.Metrics, "scope="+strings.Join(scopes, ",")))
	service := proxytest.StartService(t, "AUTH_SERVICE_KEYRING="+keyring, proxytest.WholeVariable)
	for added, want := range map[string]int{"proxy_buffer_size 4k;": 500, "proxy_buffer_size 8k;": 200} {
		site := start(t, "recommended.conf", service, commented, commented[1:], noScopes, passScopes, noKey, passKeyID, ends, ends+added)
		answer := proxytest.Get(t, site.Address, "/", proxytest.Bearer(proxytest.Metrics))
		if answer.Status != want {
			t.Errorf("with %q: status %d, want %d", added, answer.Status, want)
		}
		if want == 200 && answer.Echo(t).Header.Get("X-Auth-Request-Scopes") != strings.Join(scopes, " ") {
			t.Error("the scopes have changed on their way")
		}
	}
}
