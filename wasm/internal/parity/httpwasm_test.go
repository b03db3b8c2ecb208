package parity

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/http-wasm/http-wasm-host-go/api"
	"github.com/http-wasm/http-wasm-host-go/handler"
	wasm "github.com/http-wasm/http-wasm-host-go/handler/nethttp"
	"github.com/tetratelabs/wazero"

	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// A gateway is an http-wasm host of the module, with one configuration.
type gateway struct {
	runtime wazero.Runtime
	handler http.Handler
	now     int64
	level   api.LogLevel // of the log

	mu     sync.Mutex
	log    []string
	passed http.Header // of the last request that was let pass
}

// traefik is the module configuration of Traefik. It leaves wazero's random
// source in place, which gives every instance the same bytes.
func traefik() wazero.ModuleConfig {
	return wazero.NewModuleConfig().WithSysWalltime().WithStartFunctions("_start", "_initialize")
}

func newGateway(tb testing.TB, e *engine, calls wasiCalls, config wazero.ModuleConfig, configuration []byte) *gateway {
	tb.Helper()
	g := &gateway{level: api.LogLevelWarn}
	if config == nil {
		config = traefik().WithWalltime(func() (int64, int32) { return g.now, 0 }, 1)
	}
	m, err := wasm.NewMiddleware(e.context(tb.Context()), modules.HTTPWasm(tb),
		handler.Runtime(func(ctx context.Context) (r wazero.Runtime, err error) {
			g.runtime, err = e.runtime(ctx, calls)
			return g.runtime, err
		}),
		handler.ModuleConfig(config), handler.GuestConfig(configuration), handler.Logger(g))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	g.handler = m.NewHandler(tb.Context(), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.passed = r.Header.Clone()
	}))
	return g
}

func (g *gateway) IsEnabled(level api.LogLevel) bool { return level >= g.level }

func (g *gateway) Log(_ context.Context, _ api.LogLevel, message string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.log = append(g.log, message)
}

// ask returns the response to a request with these fields.
func (g *gateway) ask(tb testing.TB, fields [][2]string) *http.Response {
	tb.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, f := range fields {
		name := http.CanonicalHeaderKey(f[0])
		r.Header[name] = append(r.Header[name], f[1])
	}
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	return w.Result()
}

// gatewaySubject answers vectors by a host for each configuration.
func gatewaySubject(t *testing.T, e *engine) vectors.Subject {
	t.Helper()
	gateways := map[string]*gateway{}
	return vectors.Subject{Build: vectors.HTTPWasm, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		configuration := hosttest.Configuration(v)
		g, ok := gateways[string(configuration)]
		if !ok {
			g = newGateway(t, e, nil, nil, configuration)
			gateways[string(configuration)] = g
		}
		g.now, g.passed, g.log = v.Now, nil, nil
		response := g.ask(t, hosttest.RequestFields(v))
		defer response.Body.Close()
		o.Status = response.StatusCode
		if (o.Status == 200) != (g.passed != nil) {
			return o, fmt.Errorf("status %d, and passed on: %v", o.Status, g.passed)
		}
		if o.Status == 200 {
			var fields [][2]string
			for name, list := range g.passed {
				for _, value := range list {
					fields = append(fields, [2]string{name, value})
				}
			}
			return hosttest.Passed(fields), nil
		}
		if len(g.log) == 0 { // the instance has written what it may in that second
			g.now++
			_ = g.ask(t, nil).Body.Close()
			g.now, g.log = v.Now, nil
			_ = g.ask(t, hosttest.RequestFields(v)).Body.Close()
		}
		// The host makes instances as it needs them, in the middle of a request
		// too, and an instance says at its start what is wrong with its settings.
		g.log = slices.DeleteFunc(g.log, func(line string) bool { return strings.HasPrefix(line, "auth-service denies every request: ") })
		if len(g.log) != 1 || !strings.Contains(g.log[0]+" ", " reason="+v.Expect.Reason+" ") {
			return o, fmt.Errorf("log %q, want the reason %s", g.log, v.Expect.Reason)
		}
		return o, hosttest.CheckDenial(v, response.Header.Values("WWW-Authenticate"))
	}}
}
