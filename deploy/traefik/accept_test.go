package traefik_test

import (
	"slices"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// What the README says to change for a token in X-API-Key, and the line that keeps the
// token in Authorization from the backend.
const (
	pass       = "authRequestHeaders: [Authorization]"
	passKey    = "authRequestHeaders: [Authorization, X-API-Key]"
	dropBearer = `Authorization: ""`
	dropKey    = `X-API-Key: ""`
)

func TestAccepts(t *testing.T) {
	t.Parallel()
	proxytest.Says(t, "README.md", passKey, dropKey)
	site := start(t, "traefik.yml", "dynamic.yml", proxytest.StartService(t, proxytest.TokenVariable, proxytest.AcceptVariable),
		pass, passKey, dropBearer, dropBearer+"\n          "+dropKey)
	site.Challenges = []string{proxytest.BasicChallenge, "Bearer"}
	site.CheckAccepts(t)
}

func TestOwnAuthorization(t *testing.T) {
	t.Parallel()
	site := start(t, "traefik.yml", "dynamic.yml", proxytest.StartService(t, proxytest.TokenVariable, "ACCEPT=header:X-API-Key"),
		pass, passKey, dropBearer, dropKey)
	site.Challenges = []string{}
	site.CheckOwnAuthorization(t)
}

// Without Traefik: auth-service answers what ForwardAuth sends.
func TestForwardAuthAccepts(t *testing.T) {
	t.Parallel()
	service := proxytest.StartService(t, proxytest.TokenVariable, proxytest.AcceptVariable)
	for field, want := range map[string]int{
		proxytest.Bearer(proxytest.Token): 200, proxytest.Basic("user", proxytest.Token): 200, "X-API-Key: " + proxytest.Token: 200,
		proxytest.Basic("user", proxytest.Stranger): 401, "X-API-Key: " + proxytest.Stranger: 401, "X-Nothing: x": 401,
	} {
		answer := proxytest.Send(t, service.Address, forwardAuth(addresses(t)["auth"], "GET", "/", field))
		challenges := answer.Header.Values("WWW-Authenticate")
		if answer.Status != want || want == 401 && !slices.Equal(challenges, []string{proxytest.BasicChallenge, "Bearer"}) {
			t.Errorf("%s: status %d with the challenges %q, want %d", field, answer.Status, challenges, want)
		}
	}
}
