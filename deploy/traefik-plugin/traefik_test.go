package traefikplugin

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

func TestInTraefik(t *testing.T) {
	site := start(t, proxytest.Keyring())
	site.CheckIdentity(t)
	site.CheckUpgrade(t, "/")
}

func TestWholeIdentity(t *testing.T) {
	// Every token may ask, also that without a scope.
	site := start(t, proxytest.WholeKeyring(), "#identity:", "identity:", "          scope: [metrics]\n", "")
	site.CheckWhole(t, "/")
	site.CheckUpgrade(t, "/")
}

// start runs the real Traefik, with the package as it is published, and a keyring. There
// may be further replacements in the dynamic configuration.
func start(t *testing.T, keyring string, more ...string) *proxytest.Site {
	t.Helper()
	program := proxytest.Optional(t, "traefik")
	dir := t.TempDir()
	plugin := filepath.Join(dir, "plugins-local/src", filepath.FromSlash(name))
	if err := os.MkdirAll(plugin, 0o700); err != nil {
		t.Fatal(err)
	}
	proxytest.Config(t, plugin, ".traefik.yml")
	proxytest.WriteFile(t, filepath.Join(plugin, "plugin.wasm"), string(proxytest.Module(t, "httpwasm")))
	backend := proxytest.StartBackend(t)
	address := "127.0.0.1:" + proxytest.Port(t)
	const item = "            - "
	items := item + strings.ReplaceAll(strings.TrimSpace(keyring), "\n", "\n"+item) + "\n"
	proxytest.Config(t, dir, "dynamic.yml", append(more, "http://127.0.0.1:8000", "http://"+backend.Address,
		item+"ci sha256:452dcec5b0c843e39400efb152683b75968eac236432a7773415c13585233736 scope=metrics\n", items)...)
	proxytest.Config(t, dir, "traefik.yml", `":8080"`, address)
	t.Chdir(dir)
	proxytest.Start(t, address, nil, program, "--configFile=traefik.yml")
	proxytest.Await(t, "the routers", func() bool { return proxytest.Get(t, address, "/").Status != http.StatusNotFound })
	return &proxytest.Site{Address: address, Backend: backend, PassesScope: true}
}

func TestTraefikAccepts(t *testing.T) {
	const after = "scope: [metrics]"
	proxytest.Says(t, "README.md", accept)
	site := start(t, tokentest.KeyringLine("default", proxytest.Token, "scope=metrics"), after, after+"\n          "+accept)
	site.Challenges = []string{proxytest.BasicChallenge, "Bearer"}
	site.CheckAccepts(t)
}
