package parity

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/wasm/host"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// fieldsOf returns the fields of a request that a Go program got.
func fieldsOf(header http.Header) (fields []vectors.Field) {
	for name, values := range header {
		for _, value := range values {
			fields = append(fields, vectors.Field{name, value})
		}
	}
	return fields
}

// middlewareForwarder is the Go middleware.
func middlewareForwarder(t *testing.T, e *engine) vectors.Forwarder {
	t.Helper()
	verifiers := map[string]*host.Verifier{}
	return vectors.Forwarder{Build: vectors.Reactor, Forward: func(f *vectors.Forward) (status int, forwarded []vectors.Field, err error) {
		configuration := string(hosttest.ForwardConfiguration(f))
		v := verifiers[configuration]
		if v == nil {
			options := host.Options{Cache: e.cache(), Interpreter: e.interpreter, Instances: 1}
			if options.Accept, err = core.ParseAccept(cmp.Or(f.Accept, "bearer")); err != nil {
				return 0, nil, err
			}
			if options.Identity, err = core.ParseIdentity(cmp.Or(f.Identity, "user")); err != nil {
				return 0, nil, err
			}
			if v, err = host.Compile(t.Context(), modules.Reactor(t), options); err != nil {
				return 0, nil, err
			}
			t.Cleanup(func() { _ = v.Close(t.Context()) })
			if err := v.Configure(t.Context(), f.Keyring); err != nil {
				return 0, nil, err
			}
			verifiers[configuration] = v
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, field := range f.Request {
			r.Header.Add(field[0], field[1])
		}
		w := httptest.NewRecorder()
		v.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { forwarded = fieldsOf(r.Header) })).ServeHTTP(w, r)
		return w.Code, forwarded, nil
	}}
}

// proxyForwarder is the proxy-wasm module.
func proxyForwarder(t *testing.T, e *engine) vectors.Forwarder {
	t.Helper()
	p := newProxy(t, e)
	roots := map[string]uint64{}
	return vectors.Forwarder{Build: vectors.ProxyWasm, Forward: func(f *vectors.Forward) (status int, forwarded []vectors.Field, err error) {
		configuration := hosttest.ForwardConfiguration(f)
		root, ok := roots[string(configuration)]
		if !ok {
			if root, err = p.configure(t.Context(), configuration); err != nil {
				return 0, nil, err
			}
			roots[string(configuration)] = root
		}
		p.fields = hosttest.Pairs(f.Request)
		if status, err = p.ask(t.Context(), root); err != nil || status != 200 {
			return status, nil, err
		}
		for _, field := range p.fields {
			forwarded = append(forwarded, field)
		}
		return status, forwarded, nil
	}}
}

// gatewayForwarder is the http-wasm module.
func gatewayForwarder(t *testing.T, e *engine) vectors.Forwarder {
	t.Helper()
	gateways := map[string]*gateway{}
	return vectors.Forwarder{Build: vectors.HTTPWasm, Forward: func(f *vectors.Forward) (status int, forwarded []vectors.Field, err error) {
		configuration := hosttest.ForwardConfiguration(f)
		g, ok := gateways[string(configuration)]
		if !ok {
			g = newGateway(t, e, nil, traefik(), configuration)
			gateways[string(configuration)] = g
		}
		g.passed = nil
		response := g.ask(t, hosttest.Pairs(f.Request))
		defer response.Body.Close()
		if (response.StatusCode == http.StatusOK) != (g.passed != nil) {
			return 0, nil, fmt.Errorf("status %d, and passed on: %v", response.StatusCode, g.passed)
		}
		return response.StatusCode, fieldsOf(g.passed), nil
	}}
}

// What a client sends neither removes the identity nor forges one.
func TestForwards(t *testing.T) {
	for _, e := range engines() {
		t.Run("middleware/"+e.name, func(t *testing.T) { vectors.RunForwards(t, middlewareForwarder(t, e)) })
		t.Run("proxywasm/"+e.name, func(t *testing.T) { vectors.RunForwards(t, proxyForwarder(t, e)) })
		t.Run("httpwasm/"+e.name, func(t *testing.T) { vectors.RunForwards(t, gatewayForwarder(t, e)) })
	}
}

// A module denies a request whose names are too long for it to read.
func TestHTTPGuestTooManyNames(t *testing.T) {
	f := vectors.Forwards()[0]
	g := newGateway(t, interpreter, nil, traefik(), hosttest.ForwardConfiguration(&f))
	for n, want := range map[int]int{60: 200, 70: 401} {
		fields := hosttest.Pairs(f.Request)
		for i := range n {
			fields = append(fields, [2]string{fmt.Sprintf("X-%d-%s", i, strings.Repeat("x", 1<<10)), "x"})
		}
		response := g.ask(t, append(fields, [2]string{"X.Auth.Request.User", "root"}))
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%d KiB of names: status %d, want %d", n, response.StatusCode, want)
		}
		if want == 200 && g.passed["X.auth.request.user"] != nil {
			t.Errorf("passed on %q", g.passed["X.auth.request.user"])
		}
	}
}
