package parity

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// Traefik runs requests at the same time, each in an instance of a pool.
func TestTraefikConcurrently(t *testing.T) {
	g := newGateway(t, quickest(), nil, traefik(), hosttest.Ordinary())
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 25 {
				token, want := hosttest.RightToken, 200
				if (i+worker)%2 == 0 {
					token, want = hosttest.WrongToken, 401
				}
				response := g.ask(t, [][2]string{{"Authorization", "Bearer " + token}})
				if response.StatusCode != want {
					t.Errorf("status %d, want %d", response.StatusCode, want)
				}
				_ = response.Body.Close()
			}
		})
	}
	wg.Wait()
}

// A host that does not know of _initialize leaves the module as it was
// loaded. It must not pass anything, with whatever error.
func TestNeverInitialized(t *testing.T) {
	g := newGateway(t, interpreter, nil, wazero.NewModuleConfig().WithStartFunctions("_start"), hosttest.Ordinary())
	for range 3 {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+hosttest.RightToken)
		func() {
			// net/http recovers from what the host makes of a trap.
			defer func() { _ = recover() }()
			g.handler.ServeHTTP(w, r)
			if w.Code < 500 {
				t.Errorf("status %d", w.Code)
			}
		}()
		if g.passed != nil {
			t.Fatal("the request passes")
		}
	}

	runtime := interpreter.open(t, nil)
	compiled, err := runtime.CompileModule(t.Context(), modules.Reactor(t))
	if err != nil {
		t.Fatal(err)
	}
	module, err := runtime.InstantiateModule(t.Context(), compiled, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		t.Fatal(err)
	}
	r := &reactor{module: module}
	if status, err := r.call(t.Context(), "authorize", 0, 0, 0, 0, 0); err == nil && status == 200 {
		t.Error("the reactor grants")
	}
}

func TestStripAuthorization(t *testing.T) {
	stripping := strings.TrimSuffix(string(hosttest.Ordinary()), "}") + `, "strip_authorization": true}`
	for configuration, want := range map[string]int{string(hosttest.Ordinary()): 1, stripping: 0} {
		g := newGateway(t, interpreter, nil, traefik(), []byte(configuration))
		response := g.ask(t, [][2]string{{"Authorization", "Bearer " + hosttest.RightToken}, {"X-Auth-Request-User", "root"}})
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || len(g.passed["Authorization"]) != want {
			t.Errorf("status %d, passed on %v", response.StatusCode, g.passed)
		}
		p := newProxy(t, interpreter)
		root, err := p.configure(t.Context(), []byte(configuration))
		if err != nil {
			t.Fatal(err)
		}
		p.fields = [][2]string{{"AUTHORIZATION", "Bearer " + hosttest.RightToken}}
		if status, err := p.ask(t.Context(), root); err != nil || status != 200 || len(hosttest.Values(p.fields, "authorization")) != want {
			t.Errorf("%d, %v, passed on %v", status, err, p.fields)
		}
	}
}

// Traefik hands booleans over as strings.
func TestBooleanAsText(t *testing.T) {
	for text, want := range map[string]int{`true`: 200, `false`: 200, `"true"`: 200, `"false"`: 200, `"True"`: 500, `""`: 500, `"1"`: 500, `1`: 500, `null`: 500} {
		configuration := strings.TrimSuffix(string(hosttest.Ordinary()), "}") + `, "strip_authorization": ` + text + `}`
		g := newGateway(t, interpreter, nil, traefik(), []byte(configuration))
		response := g.ask(t, [][2]string{{"Authorization", "Bearer " + hosttest.RightToken}})
		_ = response.Body.Close()
		if response.StatusCode != want || want == 200 && (len(g.passed["Authorization"]) == 0) != strings.Contains(text, "true") {
			t.Errorf("%s: status %d, passed on %v", text, response.StatusCode, g.passed)
		}
	}
}

// Traefik hands lists over as strings too, if they come from labels.
func TestListsAsText(t *testing.T) {
	for more, want := range map[string]int{
		`"accept": "basic, header:X-API-Key", "identity": "scopes,user"`: 200,
		`"accept": "basic,header:X-API-Key,", "identity": "user"`:        500,
		`"accept": "header:X-API-Key", "identity": "user scopes"`:        500,
		`"accept": "bearer", "identity": "user"`:                         401,
	} {
		line := strings.TrimSpace(tokentest.KeyringLine("ann", hosttest.RightToken, "scope=read,write"))
		g := newGateway(t, interpreter, nil, traefik(), []byte(`{"keyring": "`+line+`", "scope": "read,write", `+more+`}`))
		response := g.ask(t, [][2]string{{"X-API-Key", hosttest.RightToken}})
		_ = response.Body.Close()
		if response.StatusCode != want || want == 200 && (g.passed.Get("X-Auth-Request-User") != "ann" || g.passed.Get("X-Auth-Request-Scopes") != "read write") {
			t.Errorf("%s: status %d, passed on %v", more, response.StatusCode, g.passed)
		}
	}
}
