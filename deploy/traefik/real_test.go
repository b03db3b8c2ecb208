package traefik_test

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// start runs the real Traefik with an example. There may be further replacements in the
// dynamic configuration.
func start(t *testing.T, static, dynamic string, service *proxytest.Service, more ...string) *proxytest.Site {
	t.Helper()
	site := startUnasked(t, static, dynamic, service, more...)
	// Traefik listens before it has read the routers.
	proxytest.Await(t, "the routers", func() bool { return proxytest.Get(t, site.Address, "/metrics").Status != http.StatusNotFound })
	return site
}

// startUnasked is start without a request, so it does not wait for the routers.
func startUnasked(t *testing.T, static, dynamic string, service *proxytest.Service, more ...string) *proxytest.Site {
	t.Helper()
	program := proxytest.Optional(t, "traefik")
	dir := t.TempDir()
	backend := proxytest.StartBackend(t)
	address := "127.0.0.1:" + proxytest.Port(t)
	here := []string{`":80"`, address, "/etc/traefik/" + dynamic, filepath.Join(dir, dynamic)}
	there := append(more, "127.0.0.1:8000", backend.Address, "127.0.0.1:8081", service.Address)
	if static == "traefik-timeout.yml" {
		own := []string{"127.0.0.1:8082", "127.0.0.1:" + proxytest.Port(t)}
		here, there = append(here, own...), append(there, own...)
	}
	if dynamic == "scopes.yml" {
		here[2] = "/etc/traefik/dynamic.yml"
	}
	proxytest.Config(t, dir, dynamic, there...)
	proxy := proxytest.Start(t, address, nil, program, "--configFile="+proxytest.Config(t, dir, static, here...))
	return &proxytest.Site{Address: address, Proxy: proxy, Backend: backend, Service: service, AddsChallenge403: true}
}

func TestOneToken(t *testing.T) {
	t.Parallel()
	site := start(t, "traefik.yml", "dynamic.yml", proxytest.StartService(t, proxytest.TokenVariable))
	site.CheckVerdicts(t)
	site.CheckSeveralAuthorizationFields(t)
}

// ForwardAuth has no setting for how long it waits. If it asks Traefik itself, the
// service behind that entry point has one.
func TestTimeout(t *testing.T) {
	t.Parallel()
	site := start(t, "traefik-timeout.yml", "dynamic-timeout.yml", proxytest.StartService(t, proxytest.TokenVariable))
	site.CheckLog(t, "Traefik", "/some/where")
	site.CheckVerdicts(t)
	site.CheckUnavailable(t)
}

func TestClientInLog(t *testing.T) {
	t.Parallel()
	for example, path := range map[string]string{"dynamic.yml": "/some/where", "scopes.yml": "/deploy/x"} {
		start(t, "traefik.yml", example, proxytest.StartService(t, proxytest.TokenVariable)).CheckLog(t, "Traefik", path)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	site := start(t, "traefik.yml", "dynamic.yml", proxytest.StartService(t, proxytest.KeyringVariable(t)))
	site.CheckIdentity(t)
	site.CheckUpgrade(t, "/")
}

func TestScopes(t *testing.T) {
	t.Parallel()
	site := start(t, "traefik.yml", "scopes.yml", proxytest.StartService(t, proxytest.KeyringVariable(t)))
	site.CheckScopes(t, 404)
	site.CheckUpgrade(t, "/metrics")
}

func TestUnnamed(t *testing.T) {
	t.Parallel()
	start(t, "traefik.yml", "dynamic.yml", proxytest.StartUnnamed(t)).CheckUnnamed(t)
}
