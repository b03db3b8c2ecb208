package nginx_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// What the README says to add to the two locations for a token in X-API-Key, and the
// line to leave out if the backend has an Authorization of its own.
const (
	passKey    = `proxy_set_header X-API-Key $http_x_api_key;`
	dropKey    = `proxy_set_header X-API-Key "";`
	dropBearer = `proxy_set_header Authorization "";`
)

// withKey are the replacements that make an example do so.
func withKey(t *testing.T) []string {
	t.Helper()
	proxytest.Says(t, "README.md", passKey, dropKey)
	asks := "proxy_set_header Authorization $http_authorization;"
	return []string{asks, asks + passKey, dropBearer, dropBearer + dropKey}
}

// nginx before 1.23 copies one WWW-Authenticate field of a subrequest: the first,
// which must be the one that makes a browser ask.
func TestAccepts(t *testing.T) {
	t.Parallel()
	site := start(t, "recommended.conf", proxytest.StartService(t, proxytest.TokenVariable, proxytest.AcceptVariable), withKey(t)...)
	site.Challenges = proxytest.Get(t, site.Address, "/").Header.Values("WWW-Authenticate")
	if n := len(site.Challenges); n == 0 || n > 2 || site.Challenges[0] != proxytest.BasicChallenge || n == 2 && site.Challenges[1] != "Bearer" {
		t.Errorf("the challenges are %q", site.Challenges)
	}
	site.CheckAccepts(t, 200) // nginx before 1.23 passes the first of several fields on
}

// original.conf passes on whatever the client sends, so it needs no change. The
// backend sees it too.
func TestOriginalAccepts(t *testing.T) {
	t.Parallel()
	site := start(t, "original.conf", proxytest.StartService(t, proxytest.TokenVariable, proxytest.AcceptVariable))
	site.Challenges = proxytest.Get(t, site.Address, "/").Header.Values("WWW-Authenticate")
	for _, field := range []string{proxytest.Bearer(proxytest.Token), proxytest.Basic("user", proxytest.Token), "X-API-Key: " + proxytest.Token} {
		site.Check(t, proxytest.Request{Name: field, Fields: []string{field}, Want: []int{200}})
	}
}

func TestOwnAuthorization(t *testing.T) {
	t.Parallel()
	more := append(withKey(t)[:2:2], dropBearer, dropKey)
	site := start(t, "recommended.conf", proxytest.StartService(t, proxytest.TokenVariable, "ACCEPT=header:X-API-Key"), more...)
	site.Challenges = []string{}
	site.CheckOwnAuthorization(t)
}
