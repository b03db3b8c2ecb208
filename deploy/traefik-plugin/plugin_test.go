// Package traefikplugin has the package that Traefik loads the verifier from,
// and tests of it.
package traefikplugin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/http-wasm/http-wasm-host-go/handler"
	wasm "github.com/http-wasm/http-wasm-host-go/handler/nethttp"
	"github.com/tetratelabs/wazero"
	"sigs.k8s.io/yaml"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

const name = "github.com/concrete-security/auth-service"

func read(t *testing.T, file string, to any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(data, to); err != nil {
		t.Fatal(file, err)
	}
}

// The fields of a manifest that Traefik reads.
type manifest struct {
	DisplayName string         `json:"displayName"`
	Type        string         `json:"type"`
	Runtime     string         `json:"runtime"`
	WasmPath    string         `json:"wasmPath"`
	Import      string         `json:"import"`
	Summary     string         `json:"summary"`
	TestData    map[string]any `json:"testData"`
}

func TestManifest(t *testing.T) {
	var m manifest
	read(t, ".traefik.yml", &m)
	if m.Type != "middleware" || m.Runtime != "wasm" || m.WasmPath != "plugin.wasm" || m.Import != name || m.DisplayName == "" || m.Summary == "" {
		t.Errorf("%+v", m)
	}
	check(t, m.TestData)
}

func TestConfiguration(t *testing.T) {
	var static struct {
		EntryPoints  map[string]any `json:"entryPoints"`
		Providers    map[string]any `json:"providers"`
		Experimental struct {
			LocalPlugins map[string]struct {
				ModuleName string `json:"moduleName"`
			} `json:"localPlugins"`
		} `json:"experimental"`
	}
	read(t, "traefik.yml", &static)
	if static.Experimental.LocalPlugins["auth-service"].ModuleName != name {
		t.Errorf("%+v", static)
	}
	var dynamic struct {
		HTTP struct {
			Routers     map[string]any `json:"routers"`
			Services    map[string]any `json:"services"`
			Middlewares map[string]struct {
				Plugin map[string]map[string]any `json:"plugin"`
			} `json:"middlewares"`
		} `json:"http"`
	}
	read(t, "dynamic.yml", &dynamic)
	check(t, dynamic.HTTP.Middlewares["auth-service"].Plugin["auth-service"])
}

// check runs the module with a plugin's configuration, which Traefik hands over
// in JSON, and with the module configuration of Traefik.
func check(t *testing.T, configuration map[string]any) {
	t.Helper()
	data, err := json.Marshal(configuration)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.NewMiddleware(t.Context(), proxytest.Module(t, "httpwasm"), handler.GuestConfig(data),
		handler.Runtime(func(ctx context.Context) (wazero.Runtime, error) {
			return wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter()), nil
		}),
		handler.ModuleConfig(wazero.NewModuleConfig().WithSysWalltime().WithStartFunctions("_start", "_initialize")))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close(t.Context())
	h := m.NewHandler(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Seen", r.Header.Get("X-Auth-Request-User")+r.Header.Get("Authorization"))
	}))
	for token, want := range map[string]int{"my-development-token-32-chars-min": 200, "another": 401} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want || (w.Header().Get("Seen") == "ci") != (want == 200) {
			t.Errorf("%d %v, want %d", w.Code, w.Header(), want)
		}
	}
}
