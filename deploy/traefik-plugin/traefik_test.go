package traefikplugin

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

// The real Traefik, with the package as it is published.
func TestInTraefik(t *testing.T) {
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
	proxytest.Config(t, dir, "dynamic.yml", "http://127.0.0.1:8000", "http://"+backend.Address,
		"            - ci sha256:452dcec5b0c843e39400efb152683b75968eac236432a7773415c13585233736 scope=metrics\n", "            - "+keyring)
	proxytest.Config(t, dir, "traefik.yml", `":8080"`, address)
	t.Chdir(dir)
	proxytest.Start(t, address, nil, program, "--configFile=traefik.yml")
	proxytest.Await(t, "the routers", func() bool { return proxytest.Get(t, address, "/").Status != http.StatusNotFound })
	site := &proxytest.Site{Address: address, Backend: backend, PassesScope: true}
	site.CheckIdentity(t)
	site.CheckUpgrade(t, "/")
}

// keyring is proxytest's keyring, as the items of a YAML list.
var keyring = tokentest.KeyringLine("grafana", proxytest.Metrics, "scope=metrics") + "            - " +
	tokentest.KeyringLine("ci", proxytest.Deploy, "scope=metrics,deploy")
