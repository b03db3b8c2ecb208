package envoy_test

import (
	"net"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// start runs the real Envoy with an example. There may be further replacements in it.
func start(t *testing.T, example string, service *proxytest.Service, more ...string) *proxytest.Site {
	t.Helper()
	program := proxytest.Optional(t, "envoy")
	dir := t.TempDir()
	backend := proxytest.StartBackend(t)
	port := proxytest.Port(t)
	main := proxytest.Config(t, dir, example, append(more,
		"address: 0.0.0.0, port_value: 80 ", "address: 127.0.0.1, port_value: "+port+" ",
		"address: 127.0.0.1, port_value: 8081", socket(t, service.Address),
		"address: 127.0.0.1, port_value: 8000", socket(t, backend.Address))...)
	address := "127.0.0.1:" + port
	proxy := proxytest.Start(t, address, nil, program, "-c", main, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning")
	return &proxytest.Site{Address: address, Proxy: proxy, Backend: backend, Service: service, AddsChallenge403: true}
}

// socket returns an address as Envoy's configuration writes it.
func socket(t *testing.T, address string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return "address: " + host + ", port_value: " + port
}

func TestOneToken(t *testing.T) {
	t.Parallel()
	site := start(t, "envoy.yaml", proxytest.StartService(t, proxytest.TokenVariable))
	site.CheckVerdicts(t)
	site.CheckSeveralAuthorizationFields(t)
	site.CheckUnavailable(t)
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	site := start(t, "envoy.yaml", proxytest.StartService(t, proxytest.KeyringVariable(t)))
	site.CheckIdentity(t)
	site.CheckUpgrade(t, "/")
}

func TestScopes(t *testing.T) {
	t.Parallel()
	site := start(t, "scopes.yaml", proxytest.StartService(t, proxytest.KeyringVariable(t)))
	site.CheckScopes(t, 404)
	site.CheckUpgrade(t, "/metrics")
}

func TestUnnamed(t *testing.T) {
	t.Parallel()
	start(t, "envoy.yaml", proxytest.StartUnnamed(t)).CheckUnnamed(t)
}

func TestLog(t *testing.T) {
	t.Parallel()
	for example, path := range map[string]string{"envoy.yaml": "/some/where", "scopes.yaml": "/deploy/x"} {
		start(t, example, proxytest.StartService(t, proxytest.TokenVariable)).CheckLog(t, "Envoy", path)
	}
}
