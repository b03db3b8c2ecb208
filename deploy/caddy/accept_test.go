package caddy_test

import (
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// The line that keeps the token in X-API-Key from the backend, and the one that does so
// for Authorization.
const (
	dropKey    = "header_up -X-API-Key"
	dropBearer = "header_up -Authorization"
)

func TestAccepts(t *testing.T) {
	t.Parallel()
	proxytest.Says(t, "README.md", dropKey)
	site := start(t, "Caddyfile", proxytest.StartService(t, proxytest.TokenVariable, proxytest.AcceptVariable),
		dropBearer, dropBearer+"\n"+dropKey)
	site.Challenges = []string{proxytest.BasicChallenge, "Bearer"}
	site.CheckAccepts(t)
}

func TestOwnAuthorization(t *testing.T) {
	t.Parallel()
	site := start(t, "Caddyfile", proxytest.StartService(t, proxytest.TokenVariable, "ACCEPT=header:X-API-Key"), dropBearer, dropKey)
	site.Challenges = []string{}
	site.CheckOwnAuthorization(t)
}
