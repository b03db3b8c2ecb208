package apache_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// What the README says to change for a token in X-API-Key, and the line that keeps the
// token in Authorization from the backend.
const (
	question   = "ask.pl 127.0.0.1:8081"
	withKey    = question + " X-API-Key"
	asks       = "%{HTTP:Authorization}"
	asksKey    = "${escape:%{HTTP:X-API-Key}}"
	dropBearer = "RequestHeader unset Authorization"
	dropKey    = "RequestHeader unset X-API-Key"
)

// startWithKey runs the example with those changes. The last is the line in the place of
// dropBearer.
func startWithKey(t *testing.T, accept, drop string) *proxytest.Site {
	t.Helper()
	service := proxytest.StartService(t, proxytest.TokenVariable, accept)
	return start(t, "auth-service.conf", service,
		question, "ask.pl "+service.Address+" X-API-Key", asks, asksKey+" "+asks, dropBearer, drop)
}

func TestAccepts(t *testing.T) {
	t.Parallel()
	proxytest.Says(t, "README.md", withKey, asksKey, asks, dropKey)
	site := startWithKey(t, proxytest.AcceptVariable, dropBearer+"\n"+dropKey)
	site.Challenges = []string{proxytest.BasicChallenge}
	site.CheckAccepts(t)
}

func TestOwnAuthorization(t *testing.T) {
	t.Parallel()
	site := startWithKey(t, "ACCEPT=header:X-API-Key", dropKey)
	site.Challenges = []string{}
	site.CheckOwnAuthorization(t)
}

// A client cannot make up parts of the line by the field either.
func TestFieldIsOneWord(t *testing.T) {
	t.Parallel()
	site := startWithKey(t, proxytest.AcceptVariable, dropBearer+"\n"+dropKey)
	site.Challenges = []string{proxytest.BasicChallenge}
	for _, value := range []string{
		"x Bearer " + proxytest.Token, "x%20Bearer%20" + proxytest.Token, "%0d%0aAuthorization: Bearer " + proxytest.Token,
		"x%0d%0aX-API-Key: " + proxytest.Token, "%", "%4", "\t", "${escape:x}", "/auth x x Bearer " + proxytest.Token,
	} {
		site.Check(t, proxytest.Request{Name: value, Fields: []string{"X-API-Key: " + value}, Want: []int{401, 500}})
		site.Check(t, proxytest.Request{Name: "valid", Fields: []string{"X-API-Key: " + proxytest.Token}, Want: []int{200}})
	}
}

// A token may have bytes that are encoded on their way to the program.
func TestFieldIsDecoded(t *testing.T) {
	t.Parallel()
	const token = `token with "spaces", 100%25 of them, and a + in it: /?#`
	service := proxytest.StartService(t, "AUTH_SERVICE_TOKEN="+token, proxytest.AcceptVariable)
	site := start(t, "auth-service.conf", service,
		question, "ask.pl "+service.Address+" X-API-Key", asks, asksKey+" "+asks, dropBearer, dropBearer+"\n"+dropKey)
	for _, field := range []string{"X-API-Key: " + token, proxytest.Bearer(token), proxytest.Basic("user", token)} {
		site.Check(t, proxytest.Request{Name: field, Fields: []string{field}, Want: []int{200}})
	}
}

// A client that lacks a scope gets 403 as well if no challenge can say so.
func TestScopesWithoutBearer(t *testing.T) {
	t.Parallel()
	site := start(t, "scopes.conf", proxytest.StartService(t, proxytest.KeyringVariable(t), "ACCEPT=basic"))
	for token, want := range map[string]int{proxytest.Metrics: 403, proxytest.Deploy: 200} {
		site.Check(t, proxytest.Request{Name: "Basic", Path: "/deploy/x", Fields: []string{proxytest.Basic("me", token)}, Want: []int{want}})
	}
}
