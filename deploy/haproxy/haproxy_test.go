// Package haproxy_test runs the example configurations with the real HAProxy.
package haproxy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

// start runs HAProxy with an example. There may be further replacements: one in the
// script, and others in the example.
func start(t *testing.T, example string, service *proxytest.Service, more ...string) *proxytest.Site {
	t.Helper()
	program := needtest.Program(t, "haproxy")
	dir := t.TempDir()
	backend := proxytest.StartBackend(t)
	address := "127.0.0.1:" + proxytest.Port(t)
	script := proxytest.Config(t, dir, "auth-request.lua", more[:min(2, len(more))]...)
	main := proxytest.Config(t, dir, example, append(more[min(2, len(more)):],
		"bind :80", "bind "+address, "/etc/haproxy/auth-request.lua", script,
		"127.0.0.1:8081", service.Address, "127.0.0.1:8000", backend.Address)...)
	proxy := proxytest.Start(t, address, nil, program, "-db", "-f", main)
	return &proxytest.Site{Address: address, Proxy: proxy, Backend: backend, Service: service, AddsChallenge403: true}
}

func TestOneToken(t *testing.T) {
	t.Parallel()
	site := start(t, "haproxy.cfg", proxytest.StartService(t, proxytest.TokenVariable))
	site.CheckVerdicts(t)
	site.CheckSeveralAuthorizationFields(t)
	site.Check(t, proxytest.Request{
		Name: "8 KB of cookies", Want: []int{200},
		Fields: []string{"Cookie: a=" + strings.Repeat("x", 8100), proxytest.Bearer(proxytest.Token)},
	})
	site.Check(t, proxytest.Request{Name: "8 KB", Fields: []string{proxytest.Bearer(strings.Repeat("x", 8192))}, Want: []int{500}})
	site.Check(t, proxytest.Request{Name: "32 KB", Fields: []string{proxytest.Bearer(strings.Repeat("x", 32<<10))}, Want: []int{400}})
	site.CheckUnavailable(t)
}

func TestScopes(t *testing.T) {
	t.Parallel()
	site := start(t, "scopes.cfg", proxytest.StartService(t, proxytest.KeyringVariable(t)))
	site.CheckScopes(t, 404)
	site.CheckUpgrade(t, "/metrics")
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	site := start(t, "haproxy.cfg", proxytest.StartService(t, proxytest.KeyringVariable(t)))
	site.CheckIdentity(t)
	site.CheckUpgrade(t, "/")
}

func TestUnnamed(t *testing.T) {
	t.Parallel()
	start(t, "haproxy.cfg", proxytest.StartUnnamed(t)).CheckUnnamed(t)
}

func TestNoTokenConfigured(t *testing.T) {
	t.Parallel()
	site := start(t, "haproxy.cfg", proxytest.StartService(t))
	site.Check(t, proxytest.Request{Name: "no token configured", Fields: []string{proxytest.Bearer(proxytest.Token)}, Want: []int{500}})
}

// The log names the client that HAProxy saw, not one that the client names.
func TestLog(t *testing.T) {
	t.Parallel()
	for example, path := range map[string]string{"haproxy.cfg": "/some/where", "scopes.cfg": "/deploy/x"} {
		start(t, example, proxytest.StartService(t, proxytest.TokenVariable)).CheckLog(t, "HAProxy", path)
	}
}
