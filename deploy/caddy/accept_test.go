package caddy_test

import (
	"os"
	"path/filepath"
	"strings"
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

// What the README says about Caddy's log.
func TestLogOfRequests(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```\nlog {\n")
	filter, _, found := strings.Cut(rest, "}\n```")
	if !found {
		t.Fatal("README.md has no log")
	}
	for format, hidden := range map[string]bool{"": false, filter: true} {
		log := filepath.Join(t.TempDir(), "log")
		site := start(t, "Caddyfile", proxytest.StartService(t, proxytest.TokenVariable, proxytest.AcceptVariable),
			"import auth /auth?\n", "log {\noutput file "+log+"\n"+format+"}\nimport auth /auth?\n", dropBearer, dropBearer+"\n"+dropKey)
		for _, field := range []string{proxytest.Bearer(proxytest.Token), proxytest.Basic("me", proxytest.Token)} {
			site.Check(t, proxytest.Request{Name: "Authorization", Fields: []string{field}, Want: []int{200}})
		}
		lines := func() string { text, _ := os.ReadFile(log); return string(text) } // a file that is not there yet is empty
		proxytest.Await(t, "two lines", func() bool { return strings.Count(lines(), "\n") == 2 })
		_, basic, _ := strings.Cut(proxytest.Basic("me", proxytest.Token), "Basic ")
		if text := lines(); strings.Contains(text, proxytest.Token) || strings.Contains(text, basic) {
			t.Errorf("the log has the token of Authorization: %s", text)
		}
		site.Check(t, proxytest.Request{Name: "X-API-Key", Fields: []string{"X-API-Key: " + proxytest.Token}, Want: []int{200}})
		proxytest.Await(t, "three lines", func() bool { return strings.Count(lines(), "\n") == 3 })
		if strings.Contains(lines(), proxytest.Token) == hidden {
			t.Errorf("with %q, the log has: %s", format, lines())
		}
	}
}
