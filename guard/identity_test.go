package guard_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/guard"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestWithIdentity: a handler is told what it is to be told, and never what a client
// says instead.
func TestWithIdentity(t *testing.T) {
	const single = "the-single-token-that-is-long-enough"
	text := tokentest.KeyringLine("ann@example.com", aToken, "scope=b,a") + tokentest.KeyringLine("system:ops/b+c", bToken)
	key := func(token string) string {
		return strings.Fields(tokentest.KeyringLine("x", token))[1][len("sha256:"):][:8]
	}
	for _, c := range []struct {
		identity          core.Identity
		token             string
		user, scopes, key string // "" is none, "''" an empty one
	}{
		{0, aToken, "ann@example.com", "", ""},
		{core.IdentityUser, aToken, "ann@example.com", "", ""},
		{core.IdentityScopes, aToken, "ann@example.com", "b a", ""},
		{core.IdentityKey, aToken, "ann@example.com", "", key(aToken)},
		{core.IdentityUser | core.IdentityScopes | core.IdentityKey, aToken, "ann@example.com", "b a", key(aToken)},
		{core.IdentityUser | core.IdentityScopes | core.IdentityKey, bToken, "system:ops/b+c", "''", key(bToken)},
		{core.IdentityUser | core.IdentityScopes | core.IdentityKey, single, "default", "*", "-"},
	} {
		g := guard.New(keyring(t, []byte(text), []byte(single)), guard.WithIdentity(c.identity))
		r := request("Bearer " + c.token)
		for _, name := range []string{"X-Auth-Request-User", "X-Auth-Request-Scopes", "X-Auth-Request-Key", "x_auth_request_scopes", "X.Auth.Request.Key"} {
			r.Header[name] = []string{"of the client's", "another"}
		}
		response, passed := ask(g, r)
		if err := response.Body.Close(); err != nil || passed == nil {
			t.Fatalf("%b: status %d", c.identity, response.StatusCode)
		}
		want := http.Header{"Authorization": {"Bearer " + c.token}}
		for name, value := range map[string]string{"User": c.user, "Scopes": c.scopes, "Key": c.key} {
			if value != "" {
				want["X-Auth-Request-"+name] = []string{strings.Trim(value, "'")}
			}
		}
		if !maps.EqualFunc(passed.Header, want, func(a, b []string) bool { return strings.Join(a, "|") == strings.Join(b, "|") }) {
			t.Errorf("%b: %v, want %v", c.identity, passed.Header, want)
		}
	}
}
