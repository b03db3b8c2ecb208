package nginx_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestIdentity: the backend learns only from the service who asks, whatever the
// client sends under that name or a similar one, or names in Connection.
func TestIdentity(t *testing.T) {
	for _, e := range examples(t) {
		if e.path != "/" {
			continue // CheckScopes does the same
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			e.start(t, proxytest.KeyringVariable(t)).CheckIdentity(t)
		})
	}
}

// TestCheckIdentityFails: the check of the identity can fail. It does if nginx
// passes on Connection, as in some recipes for WebSockets: the backend obeys it.
func TestCheckIdentityFails(t *testing.T) {
	t.Parallel()
	const own, closes = "        proxy_set_header X-Auth-Request-User $auth_user;\n", "        proxy_set_header Connection $http_connection;\n"
	for name, replacements := range map[string][]string{
		"Connection is passed on":       {own, closes + own},
		"the client's user is left":     {own, ""},
		"the client's scopes are left":  {noScopes, ""},
		"the client's key id is left":   {noKey, ""},
		"Connection, whole":             {own, closes + own, commented, commented[1:], noScopes, passScopes, noKey, passKeyID},
		"the client's scopes are whole": {commented, commented[1:], noScopes, "", noKey, passKeyID},
		"the client's key id is whole":  {commented, commented[1:], noScopes, passScopes, noKey, ""},
		"the key id is not passed on":   {commented, commented[1:], noScopes, passScopes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inner := new(testing.T)
			if slices.Contains(replacements, commented) {
				start(t, "recommended.conf", proxytest.WholeService(t), replacements...).CheckWhole(inner, "/")
			} else {
				start(t, "recommended.conf", proxytest.StartService(t, proxytest.KeyringVariable(t)), replacements...).CheckIdentity(inner)
			}
			if !inner.Failed() {
				t.Error("nothing was found")
			}
		})
	}
}

// TestNamesThatNginxDrops: with nginx's default settings, no name that looks like
// the identity's arrives. The page names the settings that change this.
func TestNamesThatNginxDrops(t *testing.T) {
	t.Parallel()
	page := read(t, "README.md")
	for _, c := range []struct {
		setting string // in the server
		line    string // in the location
		field   string
		arrives bool
	}{
		{"", "", "X_Auth_Request_User", false},
		{"", "", "X.Auth.Request.User", false},
		{"", "", "X-Auth_Request!User", false},
		{"underscores_in_headers on", "", "X_Auth_Request_User", true},
		{"underscores_in_headers on", `proxy_set_header X_Auth_Request_User ""`, "X_Auth_Request_User", false},
		{"ignore_invalid_headers off", "", "X.Auth.Request.User", true},
	} {
		t.Run(c.setting+c.line+c.field, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(page, "`"+c.setting) || !strings.Contains(page, c.line) {
				t.Errorf("the page does not have %q and %q", c.setting, c.line)
			}
			const begin = "    location / {\n"
			changed := begin
			if c.setting != "" {
				changed = c.setting + ";\n" + changed
			}
			if c.line != "" {
				changed += c.line + ";\n"
			}
			site := start(t, "recommended.conf", proxytest.StartService(t, proxytest.KeyringVariable(t)), begin, changed)
			echo := proxytest.Get(t, site.Address, "/", proxytest.Bearer(proxytest.Metrics), c.field+": root").Echo(t)
			found := false
			for name := range echo.Header {
				found = found || strings.EqualFold(name, c.field)
			}
			if found != c.arrives {
				t.Errorf("the backend saw %s: %t, want %t", c.field, found, c.arrives)
			}
		})
	}
}
