package haproxy_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// What the README says to change for a token in X-API-Key, and the line that keeps the
// token in Authorization from the backend.
const (
	places     = `local places = { "authorization" }`
	withKey    = `local places = { "authorization", "x-api-key" }`
	dropKey    = "http-request del-header X-API-Key"
	dropBearer = "http-request del-header Authorization"
)

func TestAccepts(t *testing.T) {
	t.Parallel()
	proxytest.Says(t, "README.md", places, withKey, dropKey)
	site := start(t, "haproxy.cfg", proxytest.StartService(t, proxytest.TokenVariable, proxytest.AcceptVariable),
		places, withKey, dropBearer, dropBearer+"\n"+dropKey)
	site.Challenges = []string{proxytest.BasicChallenge, "Bearer"}
	site.CheckAccepts(t)
}

func TestOwnAuthorization(t *testing.T) {
	t.Parallel()
	site := start(t, "haproxy.cfg", proxytest.StartService(t, proxytest.TokenVariable, "ACCEPT=header:X-API-Key"),
		places, withKey, dropBearer, dropKey)
	site.Challenges = []string{}
	site.CheckOwnAuthorization(t)
}
