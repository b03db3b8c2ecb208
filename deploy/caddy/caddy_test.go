// Package caddy_test runs the example Caddyfiles with the real Caddy.
package caddy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

func start(t *testing.T, example string, service *proxytest.Service, more ...string) *proxytest.Site {
	t.Helper()
	program := needtest.Program(t, "caddy")
	dir := t.TempDir()
	backend := proxytest.StartBackend(t)
	port := proxytest.Port(t)
	site := proxytest.Config(t, dir, example, append(more,
		":80 {", ":"+port+" {", "127.0.0.1:8081", service.Address, "127.0.0.1:8000", backend.Address)...)
	// Options of the test's own: nothing else may listen.
	main := proxytest.WriteFile(t, filepath.Join(dir, "main"),
		"{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}\nimport "+site+"\n")
	address := "127.0.0.1:" + port
	proxy := proxytest.Start(t, address, []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir},
		program, "run", "--config", main, "--adapter", "caddyfile")
	return &proxytest.Site{Address: address, Proxy: proxy, Backend: backend, Service: service, AddsChallenge403: true}
}

func TestOneToken(t *testing.T) {
	t.Parallel()
	site := start(t, "Caddyfile", proxytest.StartService(t, proxytest.TokenVariable))
	site.CheckVerdicts(t)
	site.CheckSeveralAuthorizationFields(t)
	site.Check(t, proxytest.Request{
		Name: "8 KB of cookies", Want: []int{200},
		Fields: []string{"Cookie: a=" + strings.Repeat("x", 8100), proxytest.Bearer(proxytest.Token)},
	})
	// Caddy passes on whatever else auth-service answers.
	site.Check(t, proxytest.Request{Name: "16 KB", Fields: []string{proxytest.Bearer(strings.Repeat("x", 16<<10))}, Want: []int{431}})
	site.CheckUnavailable(t)
}

func TestScopes(t *testing.T) {
	t.Parallel()
	site := start(t, "Caddyfile.scopes", proxytest.StartService(t, proxytest.KeyringVariable(t)))
	site.CheckScopes(t, 404)
	site.CheckUpgrade(t, "/metrics")
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	site := start(t, "Caddyfile", proxytest.StartService(t, proxytest.KeyringVariable(t)))
	site.CheckIdentity(t)
	site.CheckUpgrade(t, "/")
}

func TestUnnamed(t *testing.T) {
	t.Parallel()
	start(t, "Caddyfile", proxytest.StartUnnamed(t)).CheckUnnamed(t)
}

func TestNoTokenConfigured(t *testing.T) {
	t.Parallel()
	site := start(t, "Caddyfile", proxytest.StartService(t))
	site.Check(t, proxytest.Request{Name: "no token configured", Fields: []string{proxytest.Bearer(proxytest.Token)}, Want: []int{500}})
}

// The log names the client that Caddy saw, not one that the client names.
func TestLog(t *testing.T) {
	t.Parallel()
	for example, path := range map[string]string{"Caddyfile": "/some/where", "Caddyfile.scopes": "/deploy/x"} {
		start(t, example, proxytest.StartService(t, proxytest.TokenVariable)).CheckLog(t, "Caddy", path)
	}
}
