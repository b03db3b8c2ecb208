package server

import (
	"bytes"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/server/internal/http1"
)

// TestFindRoute lists which scopes a request requires, exactly. The vectors show only
// which tokens satisfy them.
func TestFindRoute(t *testing.T) {
	t.Parallel()
	eight := strings.Repeat("X-Auth-Scope: s\r\n", 8)
	for name, c := range map[string]struct {
		target, fields string
		route          route
		scopes         string
	}{
		"none":                  {"/auth", "", routeAuth, ""},
		"a query":               {"/auth?scope=a&scope=b", "", routeAuth, "a b"},
		"a field":               {"/auth", "X-Auth-Scope: a\r\n", routeAuth, "a"},
		"a list":                {"/auth", "X-Auth-Scope: , a,b\t c ,\r\n", routeAuth, "a b c"},
		"a query and fields":    {"/auth?scope=a", "X-Auth-Scope: b\r\nX-Auth-Scope: c d\r\n", routeAuth, "a b c d"},
		"an empty field":        {"/auth", "X-Auth-Scope:\r\n", routeAuth, `"`},
		"eight fields":          {"/auth", eight, routeAuth, "s s s s s s s s"},
		"nine fields":           {"/auth", eight + "X-Auth-Scope: t\r\n", routeAuth, `s s s s s s s s "`},
		"Envoy":                 {"/ext_authz", "", routeAuth, ""},
		"Envoy, a path":         {"/ext_authz/a?scope=b", "X-Auth-Scope: c\r\n", routeAuth, "c"},
		"Envoy, a longer name":  {"/ext_authzs", "", routeNone, ""},
		"health":                {"/health", "X-Auth-Scope: a\r\n", routeHealth, ""},
		"health with a query":   {"/health?", "", routeNone, ""},
		"an empty query":        {"/auth?", "", routeNone, ""},
		"another parameter":     {"/auth?scopes=a", "", routeNone, ""},
		"a longer path":         {"/auth/", "", routeNone, ""},
		"a path in upper case":  {"/Auth", "", routeNone, ""},
		"no path":               {"http://a", "", routeNone, ""},
		"a path of other bytes": {"/%61uth", "", routeNone, ""},
	} {
		buf := []byte("GET " + c.target + " HTTP/1.0\r\n" + c.fields + "\r\n")
		var h http1.Head
		if n, f := h.Parse(buf, http1.DefaultLimit); n != len(buf) || f != http1.NoFault {
			t.Fatalf("%s: length %d, fault %d", name, n, f)
		}
		got, scopes := findRoute(&h, buf, nil)
		if got != c.route || got == routeAuth && string(scopes) != c.scopes {
			t.Errorf("%s: route %d and scopes %q, want %d and %q", name, got, scopes, c.route, c.scopes)
		}
	}
}

// TestAppendScopeKeepsNothing: a list that is too small for one more name is not left
// behind with the names that it has.
func TestAppendScopeKeepsNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"s", "deploy"} {
		for room := range 10 {
			list := append(make([]byte, 0, len("metrics")+room), "metrics"...)
			out := appendScope(list, []byte(name))
			if string(out) != "metrics "+name {
				t.Fatalf("%q", out)
			}
			fits := room >= len(" ")+len(name)
			if same := &out[0] == &list[0]; same != fits {
				t.Errorf("room for %d bytes, and %q: the list is in place: %v, want %v", room, name, same, fits)
			}
			if rest := bytes.Trim(list[:cap(list)], "\x00"); !fits && len(rest) > 0 {
				t.Errorf("room for %d bytes, and %q: %q stays behind", room, name, rest)
			}
		}
	}
}
