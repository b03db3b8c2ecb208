package envoy_test

import (
	"slices"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// What the README says to change for a token in X-API-Key.
const (
	pass    = "{ exact: authorization, ignore_case: true }"
	passKey = "{ exact: x-api-key, ignore_case: true }"
	drop    = "request_headers_to_remove: [authorization]"
	dropKey = "request_headers_to_remove: [authorization, x-api-key]"
)

func TestAccepts(t *testing.T) {
	t.Parallel()
	proxytest.Says(t, "README.md", passKey, dropKey)
	site := start(t, "envoy.yaml", proxytest.StartService(t, proxytest.TokenVariable, proxytest.AcceptVariable),
		pass, pass+", "+passKey, drop, dropKey)
	site.Challenges = []string{proxytest.BasicChallenge, "Bearer"}
	site.CheckAccepts(t)
}

func TestOwnAuthorization(t *testing.T) {
	t.Parallel()
	site := start(t, "envoy.yaml", proxytest.StartService(t, proxytest.TokenVariable, "ACCEPT=header:X-API-Key"),
		pass, passKey, drop, "request_headers_to_remove: [x-api-key]")
	site.Challenges = []string{}
	site.CheckOwnAuthorization(t)
}

// Without Envoy: auth-service answers what ext_authz sends.
func TestExtAuthzAccepts(t *testing.T) {
	t.Parallel()
	service := proxytest.StartService(t, proxytest.TokenVariable, proxytest.AcceptVariable)
	prefix, _ := example(t)
	for field, want := range map[string]int{
		proxytest.Bearer(proxytest.Token): 200, proxytest.Basic("user", proxytest.Token): 200, "x-api-key: " + proxytest.Token: 200,
		proxytest.Basic("user", proxytest.Stranger): 401, "x-api-key: " + proxytest.Stranger: 401, "x-nothing: x": 401,
	} {
		answer := proxytest.Send(t, service.Address, check("GET", prefix+"/", "", field))
		challenges := answer.Header.Values("WWW-Authenticate")
		if answer.Status != want || want == 401 && !slices.Equal(challenges, []string{proxytest.BasicChallenge, "Bearer"}) {
			t.Errorf("%s: status %d with the challenges %q, want %d", field, answer.Status, challenges, want)
		}
	}
}
