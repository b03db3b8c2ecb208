package parity

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// wasiImports are what the Go runtime asks of WASI. fd_prestat_get and
// fd_prestat_dir_name list the directories that a host has opened in advance;
// there is no function to open a file or a socket.
var wasiImports = []string{
	"args_get", "args_sizes_get", "clock_time_get", "environ_get", "environ_sizes_get",
	"fd_close", "fd_fdstat_get", "fd_fdstat_set_flags", "fd_prestat_dir_name", "fd_prestat_get",
	"fd_read", "fd_write", "poll_oneoff", "proc_exit", "random_get", "sched_yield",
}

func TestImportsAndExports(t *testing.T) {
	for _, tt := range []struct {
		name             string
		module           []byte
		from             string
		imports, exports []string
	}{
		{
			"reactor", modules.Reactor(t), "", nil,
			[]string{"_initialize", "abi_version", "accept", "alloc", "authorize", "configure", "key", "last_error", "principal", "reason", "scopes"},
		},
		{
			"proxywasm", modules.ProxyWasm(t), "env",
			[]string{
				"proxy_define_metric", "proxy_get_buffer_bytes", "proxy_get_header_map_pairs", "proxy_get_property", "proxy_increment_metric",
				"proxy_log", "proxy_remove_header_map_value", "proxy_replace_header_map_value", "proxy_send_local_response",
			},
			[]string{
				"_initialize", "proxy_abi_version_0_2_0", "proxy_on_configure", "proxy_on_context_create", "proxy_on_delete",
				"proxy_on_done", "proxy_on_log", "proxy_on_memory_allocate", "proxy_on_request_body", "proxy_on_request_headers",
				"proxy_on_request_trailers", "proxy_on_vm_start",
			},
		},
		{
			"httpwasm", modules.HTTPWasm(t), "http_handler",
			[]string{
				"add_header_value", "get_config", "get_header_names", "get_header_values", "get_method", "get_source_addr", "get_uri",
				"log", "log_enabled", "remove_header", "set_header_value", "set_status_code",
			},
			[]string{"_initialize", "handle_request", "handle_response"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			compiled, err := interpreter.open(t, nil).CompileModule(t.Context(), tt.module)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string][]string{}
			for _, f := range compiled.ImportedFunctions() {
				from, name, _ := f.Import()
				got[from] = append(got[from], name)
			}
			want := map[string][]string{"wasi_snapshot_preview1": wasiImports}
			if tt.from != "" {
				want[tt.from] = tt.imports
			}
			for from := range got {
				slices.Sort(got[from]) // each package that calls a function imports it
				got[from] = slices.Compact(got[from])
			}
			if !maps.EqualFunc(got, want, slices.Equal) {
				t.Errorf("imports %q, want %q", got, want)
			}
			if exports := slices.Sorted(maps.Keys(compiled.ExportedFunctions())); !slices.Equal(exports, tt.exports) {
				t.Errorf("exports %q, want %q", exports, tt.exports)
			}
		})
	}
}

// A subject of the tests of memory: a module's instance in a host.
type resident struct {
	name   string
	module api.Module
	calls  wasiCalls
	perAsk map[string]int // the WASI calls of a request
	ask    func(token string) (status int, err error)
	// others ask with the token in other places than ask does.
	others map[string]func(token string) (status int, err error)
}

func bearer(token string) string { return "Bearer " + token }

func basic(token string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+token))
}

func basicUser(token string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(token+":"))
}

// residents makes an instance of each module, configured with hosttest.RightToken, which
// accepts a token in every place.
func residents(t *testing.T, e *engine) []resident {
	t.Helper()
	ctx := t.Context()
	keyring := []byte(tokentest.KeyringLine("ann", hosttest.RightToken, "scope=read,write"))
	configuration := hosttest.Configuration(&vectors.Verdict{
		Keyring: keyring, Scopes: []string{"read"}, Accept: "bearer,basic,header:X-API-Key", Realm: "memory", Identity: "user,scopes,key",
	})

	r := newReactor(t, e)
	if code, err := r.configure(ctx, keyring); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	if err := r.accept(ctx, core.Bearer|core.Basic); err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, e)
	root, err := p.configure(ctx, configuration)
	if err != nil || len(p.log) > 0 {
		t.Fatal(p.log, err)
	}
	g := newHTTPGuest(t, e, configuration)
	clock := map[string]int{"clock_time_get": 1}

	authorize := func(value string) (int, error) {
		o, err := r.authorize(ctx, []byte(value), []byte("read"), 0)
		return o.Status, err
	}
	proxied := func(fields ...[2]string) (int, error) {
		p.now++ // every denial is written
		p.log, p.source = nil, "192.0.2.1:5000"
		p.fields = append([][2]string{{":method", "GET"}, {":path", "/"}, {"x-request-id", "1"}, {"x-auth-request-user", "root"}}, fields...)
		return p.ask(ctx, root)
	}
	gated := func(authorization, keys []string) (int, error) {
		g.now++
		g.log, g.values, g.keys = nil, authorization, keys
		return g.ask(ctx)
	}
	type ask = func(token string) (int, error)
	return []resident{
		{
			"reactor", r.module, r.calls, nil, func(token string) (int, error) { return authorize(bearer(token)) },
			map[string]ask{
				"Basic":      func(token string) (int, error) { return authorize(basic(token)) },
				"user name":  func(token string) (int, error) { return authorize(basicUser(token)) },
				"bad base64": func(token string) (int, error) { return authorize(basic(token) + "=") },
			},
		},
		{
			"proxywasm", p.module, p.calls, clock, func(token string) (int, error) { return proxied([2]string{"authorization", bearer(token)}) },
			map[string]ask{
				"Basic":     func(token string) (int, error) { return proxied([2]string{"authorization", basic(token)}) },
				"user name": func(token string) (int, error) { return proxied([2]string{"authorization", basicUser(token)}) },
				"a field":   func(token string) (int, error) { return proxied([2]string{"x-api-key", token}) },
				"a field twice": func(token string) (int, error) {
					return proxied([2]string{"x-api-key", token}, [2]string{"x-api-key", token})
				},
				"a field and Basic": func(token string) (int, error) {
					return proxied([2]string{"x-api-key", token}, [2]string{"authorization", basic(token)})
				},
			},
		},
		{
			"httpwasm", g.module, g.calls, clock, func(token string) (int, error) { return gated([]string{bearer(token)}, nil) },
			map[string]ask{
				"Basic":             func(token string) (int, error) { return gated([]string{basic(token)}, nil) },
				"user name":         func(token string) (int, error) { return gated([]string{basicUser(token)}, nil) },
				"a field":           func(token string) (int, error) { return gated(nil, []string{token}) },
				"a field twice":     func(token string) (int, error) { return gated(nil, []string{token, token}) },
				"a field and Basic": func(token string) (int, error) { return gated([]string{basic(token)}, []string{token}) },
			},
		},
	}
}

func (r resident) check(t *testing.T, token string, status int) {
	t.Helper()
	if got, err := r.ask(token); err != nil || got != status {
		t.Fatalf("status %d, %v, want %d", got, err, status)
	}
}

// A verdict calls nothing of WASI but, in a proxy, the clock, and an instance
// takes no more memory however many it gives.
func TestVerdictsLeaveTheHostAlone(t *testing.T) {
	verdicts := 20_000
	if full {
		verdicts = 500_000
	}
	for _, r := range residents(t, quickest()) {
		t.Run(r.name, func(t *testing.T) {
			n := verdicts
			if r.name != "reactor" {
				n /= 5 // the hosts take longer than the verdict
			}
			r.check(t, hosttest.RightToken, 200)
			before := r.module.Memory().Size()
			clear(r.calls)
			for i := range n {
				if i%2 == 0 {
					r.check(t, hosttest.RightToken, 200)
				} else {
					r.check(t, hosttest.WrongToken, 401)
				}
			}
			want := map[string]int{}
			for name, calls := range r.perAsk {
				want[name] = calls * n
			}
			if !maps.Equal(map[string]int(r.calls), want) {
				t.Errorf("WASI calls of %d verdicts: %v, want %v", n, r.calls, want)
			}
			after := r.module.Memory().Size()
			if after != before {
				t.Errorf("memory grew from %d to %d bytes in %d verdicts", before, after, n)
			}
			t.Logf("%d verdicts, %d bytes of memory", n, after)
			if limit := uint32(3_500_000); after > limit {
				t.Errorf("an instance takes %d bytes of memory, more than %d", after, limit)
			}
		})
	}
}

// windows returns how many 16-byte windows of a token are in the memory.
func windows(memory []byte, token string) (found int) {
	for i := range len(token) - 15 {
		if bytes.Contains(memory, []byte(token[i:i+16])) {
			found++
		}
	}
	return found
}

func TestNoTokenStaysInMemory(t *testing.T) {
	for _, e := range engines() {
		for _, r := range residents(t, e) {
			t.Run(r.name+"/"+e.name, func(t *testing.T) {
				nowhere := func(when string) {
					t.Helper()
					memory := memoryOf(t, r.module)
					for _, token := range []string{hosttest.RightToken, hosttest.WrongToken} {
						if n := windows(memory, token); n > 0 {
							t.Errorf("%s: %d windows of a token", when, n)
						}
						// A token's characters begin at three places of a group of base64.
						for skip := range 3 {
							encoded := base64.StdEncoding.EncodeToString([]byte(token[skip:]))
							if n := windows(memory, strings.TrimRight(encoded, "=")); n > 0 {
								t.Errorf("%s: %d windows of a token in base64", when, n)
							}
						}
					}
				}
				nowhere("configured")
				for _, token := range []string{
					hosttest.RightToken, hosttest.WrongToken, hosttest.RightToken + hosttest.WrongToken, hosttest.WrongToken + ",Bearer " + hosttest.RightToken,
					strings.Repeat(hosttest.RightToken, 200), strings.Repeat(hosttest.WrongToken, 3000), hosttest.RightToken + "\t \t",
				} {
					if _, err := r.ask(token); err != nil {
						t.Fatal(err)
					}
					nowhere(fmt.Sprintf("after a token of %d bytes", len(token)))
				}
				for place, ask := range r.others {
					for _, token := range []string{hosttest.RightToken, hosttest.WrongToken, strings.Repeat(hosttest.RightToken, 200), hosttest.RightToken + hosttest.WrongToken} {
						status, err := ask(token)
						right := token == hosttest.RightToken && (place == "Basic" || place == "user name" || place == "a field")
						if err != nil || (status == 200) != right {
							t.Fatalf("%s, %.50s: %d, %v", place, token, status, err)
						}
						nowhere(fmt.Sprintf("%s, after a token of %d bytes", place, len(token)))
					}
				}
				r.check(t, hosttest.RightToken, 200)
				nowhere("at last")

				// The scan finds what is there.
				if !r.module.Memory().Write(r.module.Memory().Size()/2, []byte(hosttest.RightToken)) {
					t.Fatal("the control is not written")
				}
				if n := windows(memoryOf(t, r.module), hosttest.RightToken); n != len(hosttest.RightToken)-15 {
					t.Errorf("the control: %d windows, want %d", n, len(hosttest.RightToken)-15)
				}
				if !r.module.Memory().Write(r.module.Memory().Size()/2, []byte(basic(hosttest.RightToken))) {
					t.Fatal("the control is not written")
				}
				found := 0
				for skip := range 3 {
					encoded := base64.StdEncoding.EncodeToString([]byte(hosttest.RightToken[skip:]))
					found += windows(memoryOf(t, r.module), strings.TrimRight(encoded, "="))
				}
				if found < 30 { // of 48 characters
					t.Errorf("the control in base64: %d windows", found)
				}
			})
		}
	}
}

// A host that gives the same bytes for random ones, as Traefik does, gives
// every instance the same salt, and one that gives zeros is refused.
func TestRandomSource(t *testing.T) {
	zeros := wazero.NewModuleConfig().WithName("").WithRandSource(zero{})
	r := &reactor{module: instantiate(t.Context(), t, interpreter.open(t, nil), modules.Reactor(t), zeros)}
	code, err := r.configure(t.Context(), []byte(tokentest.KeyringLine("ann", hosttest.RightToken, "")))
	if err != nil || code != -4 {
		t.Errorf("zeros for randomness: %d, %v, want -4", code, err)
	}
	if o, err := r.authorize(t.Context(), []byte("Bearer "+hosttest.RightToken), nil, 0); err != nil || o.Status != 500 {
		t.Errorf("%+v, %v", o, err)
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }
