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
	site, _ := watch(t, keyring, more...)
	return site
}

// watch does the same, and returns the process too.
func watch(t *testing.T, keyring string, more ...string) (*proxytest.Site, *proxytest.Process) {
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
	proxytest.Config(t, dir, "traefik.yml", `":8080"`, address, "level: WARN\n", "level: WARN\n  noColor: true\n")
	t.Chdir(dir)
	process := proxytest.Start(t, address, nil, program, "--configFile=traefik.yml")
	proxytest.Await(t, "the routers", func() bool { return proxytest.Get(t, address, "/").Status != http.StatusNotFound })
	return &proxytest.Site{Address: address, Backend: backend, PassesScope: true}, process
}

// Traefik's log says what was denied, and where from.
func TestLog(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	site, traefik := watch(t, proxytest.Keyring())
	const request = "X-Request-Id: 7b0f5d1e-0a3c-4a53-9df1-2b7b1f6f2f11"
	if got := proxytest.Get(t, site.Address, "/metrics?token="+proxytest.Stranger, proxytest.Bearer(proxytest.Stranger), request, "X-Forwarded-For: 192.0.2.1").Status; got != 401 {
		t.Errorf("status %d", got)
	}
	const line = "WRN authentication failed reason=unknown client=127.0.0.1 method=GET host=example.test uri=/metrics request_id=7b0f5d1e-0a3c-4a53-9df1-2b7b1f6f2f11 "
	traefik.AwaitLog(t, line)
	if begin, _, _ := strings.Cut(line, "127"); !strings.Contains(string(page), begin) {
		t.Errorf("the page does not show %q", begin)
	}
	const summary = "more decisions than are logged one by one missing="
	proxytest.Await(t, "the summary", func() bool {
		for range 200 {
			proxytest.Get(t, site.Address, "/none")
		}
		proxytest.Get(t, site.Address, "/in", proxytest.Bearer(proxytest.Metrics))
		return strings.Contains(traefik.Log.String(), summary)
	})
	for _, secret := range []string{proxytest.Stranger, proxytest.Metrics, "token="} {
		if strings.Contains(traefik.Log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

func TestTraefikAccepts(t *testing.T) {
	const after = "scope: [metrics]"
	proxytest.Says(t, "README.md", accept)
	site := start(t, tokentest.KeyringLine("default", proxytest.Token, "scope=metrics"), after, after+"\n          "+accept)
	site.Challenges = []string{proxytest.BasicChallenge, "Bearer"}
	site.CheckAccepts(t)
}
