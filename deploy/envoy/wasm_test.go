package envoy_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// The example of ../envoy-wasm, with the module inside the real Envoy. The test is
// here because that folder is a separate Go module, which cannot import proxytest.
func TestModuleInEnvoy(t *testing.T) {
	t.Parallel()
	site := startModule(t, proxytest.Keyring())
	site.CheckIdentity(t)
	site.CheckUpgrade(t, "/")
}

func TestWholeIdentityByModule(t *testing.T) {
	t.Parallel()
	const scope, identity = `"scope": ["metrics"],`, `"identity": ["user", "scopes", "key"],`
	proxytest.Comments(t, "../envoy-wasm/envoy.yaml", "# ", identity)
	site := startModule(t, proxytest.WholeKeyring(), scope, identity)
	site.CheckWhole(t, "/")
	site.CheckUpgrade(t, "/")
}

// startModule runs the example with a keyring. There may be further replacements in it.
func startModule(t *testing.T, keyring string, more ...string) *proxytest.Site {
	t.Helper()
	program := proxytest.Optional(t, "envoy")
	dir := t.TempDir()
	backend := proxytest.StartBackend(t)
	port := proxytest.Port(t)
	module := proxytest.WriteFile(t, filepath.Join(dir, "module.wasm"), string(proxytest.Module(t, "proxywasm")))
	lines := strings.Split(strings.TrimSpace(keyring), "\n")
	main := proxytest.Config(t, dir, "../envoy-wasm/envoy.yaml", append(more,
		"address: 0.0.0.0, port_value: 8080", "address: 127.0.0.1, port_value: "+port,
		"/etc/envoy/auth-service-proxywasm.wasm", module,
		"address: 127.0.0.1, port_value: 8000", socket(t, backend.Address),
		"ci sha256:452dcec5b0c843e39400efb152683b75968eac236432a7773415c13585233736 scope=metrics", strings.Join(lines, `", "`))...)
	address := "127.0.0.1:" + port
	proxytest.Start(t, address, nil, program, "-c", main, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning")
	return &proxytest.Site{Address: address, Backend: backend, PassesScope: true}
}

func TestModuleAccepts(t *testing.T) {
	t.Parallel()
	const accept, after = `"accept": ["bearer", "basic", "header:X-API-Key"]`, `"scope": ["metrics"],`
	proxytest.Says(t, "../envoy-wasm/README.md", accept)
	site := startModule(t, tokentest.KeyringLine("default", proxytest.Token, "scope=metrics"), after, after+" "+accept+",")
	site.Challenges = []string{proxytest.BasicChallenge, "Bearer"}
	site.CheckAccepts(t)
}
