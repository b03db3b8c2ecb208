// Package traefikplugin has the package that Traefik loads the verifier from,
// and tests of it.
package traefikplugin

import (
	"context"
	"encoding/base64"
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

// accept is what the page says to add for tokens in other places.
const accept = `accept: [bearer, basic, "header:X-API-Key"]`

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
		Log          map[string]any `json:"log"`
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
	plugin := dynamic.HTTP.Middlewares["auth-service"].Plugin["auth-service"]
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+token))
	check(t, plugin, credential{"Authorization", basic, 401}, credential{"X-API-Key", token, 401})

	// With the line that the page says to add.
	proxytest.Says(t, "README.md", accept)
	if err := yaml.Unmarshal([]byte(accept), &plugin); err != nil {
		t.Fatal(err)
	}
	check(t, plugin, credential{"Authorization", basic, 200}, credential{"X-API-Key", token, 200}, credential{"X-API-Key", "another", 401})
}

// A credential is a field of a request, and the status that it leads to.
type credential struct {
	name, value string
	want        int
}

const token = "my-development-token-32-chars-min"

// check runs the module with a plugin's configuration, which Traefik hands over
// in JSON, and with the module configuration of Traefik.
func check(t *testing.T, configuration map[string]any, more ...credential) {
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
		w.Header().Set("Seen", r.Header.Get("X-Auth-Request-User")+r.Header.Get("Authorization")+r.Header.Get("X-API-Key"))
	}))
	for _, c := range append(more, credential{"Authorization", "Bearer " + token, 200}, credential{"Authorization", "Bearer another", 401}) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(c.name, c.value)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want || (w.Header().Get("Seen") == "ci") != (c.want == 200) {
			t.Errorf("%s: %s: %d %v, want %d", c.name, c.value, w.Code, w.Header(), c.want)
		}
	}
}
