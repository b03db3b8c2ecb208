package parity

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// shares tells the work of a plugin from that of its host: how often the plugin calls
// each function of the host, and how long both take.
type shares struct {
	calls       map[string]int
	guest, host time.Duration
	within      []bool // of each call that has begun: is it one of the host's functions?
	since       time.Time
}

// NewFunctionListener has what the host calls and what the plugin calls reported. Calls
// within the plugin are not.
func (s *shares) NewFunctionListener(f api.FunctionDefinition) experimental.FunctionListener {
	if f.GoFunction() == nil && len(f.ExportNames()) == 0 {
		return nil
	}
	return s
}

func (s *shares) Before(_ context.Context, _ api.Module, f api.FunctionDefinition, _ []uint64, _ experimental.StackIterator) {
	s.account()
	host := f.GoFunction() != nil
	s.within = append(s.within, host)
	if host {
		s.calls[f.Name()]++
	}
}

func (s *shares) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {
	s.account()
	s.within = s.within[:len(s.within)-1]
}

func (s *shares) Abort(ctx context.Context, m api.Module, f api.FunctionDefinition, _ error) {
	s.After(ctx, m, f, nil)
}

// account adds the time since it was last called to that of whoever had it.
func (s *shares) account() {
	now := time.Now()
	if last := len(s.within) - 1; last >= 0 {
		if s.within[last] {
			s.host += now.Sub(s.since)
		} else {
			s.guest += now.Sub(s.since)
		}
	}
	s.since = now
}

func (s *shares) reset() { *s = shares{calls: map[string]int{}, within: s.within} }

// sharedPlugins asks both plugins about a request with a field of that name, with what
// they do noted in s.
func sharedPlugins(tb testing.TB, s *shares, configuration []byte, name string) map[string]func(value string) {
	tb.Helper()
	e := &engine{name: compiler.name, cache: compiler.cache, listeners: s}
	p := newProxy(tb, e)
	root, err := p.configure(tb.Context(), configuration)
	if err != nil {
		tb.Fatal(err)
	}
	g := newGateway(tb, e, nil, nil, configuration)
	return map[string]func(string){
		"proxywasm": func(value string) {
			p.fields = [][2]string{{":path", "/"}, {"accept", "*/*"}, {name, value}}
			if _, err := p.ask(tb.Context(), root); err != nil {
				tb.Fatal(err)
			}
		},
		"httpwasm": func(value string) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Accept", "*/*")
			r.Header.Set(name, value)
			g.handler.ServeHTTP(httptest.NewRecorder(), r)
		},
	}
}

// TestHostCalls: a plugin asks its host for no more than it needs for a request. In
// proxy-wasm that includes a call to count it, because nothing else shows an operator how
// many requests are denied. What is written about a denial takes more calls; see
// TestHostCallsOfFlood.
//
// Neither runs beside other tests. Modules whose calls are reported share code of wazero's
// compiler, which was seen to fail where several were compiled at once.
func TestHostCalls(t *testing.T) {
	const wrong = "another-token-of-the-same-length-00000000000"
	extended := func(more string) []byte {
		return []byte(strings.TrimSuffix(string(hosttest.Ordinary()), "}") + more + "}")
	}
	ordinary, everywhere := hosttest.Ordinary(), extended(`,"accept":["bearer","basic","header:a","header:b"],"identity":["user","scopes","key"]`)
	field := extended(`,"accept":"header:a","strip_authorization":true`)
	type calls = map[string]int
	for _, c := range []struct {
		name           string
		configuration  []byte
		field, value   string
		proxy, gateway calls
	}{
		{
			"right", ordinary, "authorization", "Bearer " + hosttest.RightToken,
			calls{"proxy_get_header_map_pairs": 1, "clock_time_get": 1, "proxy_increment_metric": 1, "proxy_replace_header_map_value": 1},
			calls{"get_header_values": 1, "clock_time_get": 1, "get_header_names": 1, "set_header_value": 1},
		},
		{
			"wrong", ordinary, "authorization", "Bearer " + wrong,
			calls{"proxy_get_header_map_pairs": 1, "clock_time_get": 1, "proxy_increment_metric": 1, "proxy_send_local_response": 1, "proxy_get_property": 1, "proxy_log": 1},
			calls{"get_header_values": 5, "clock_time_get": 1, "get_source_addr": 1, "get_method": 1, "get_uri": 1, "log": 1, "set_header_value": 1, "set_status_code": 1},
		},
		{
			"right, with more to look at and to tell", everywhere, "authorization", "Bearer " + hosttest.RightToken,
			calls{"proxy_get_header_map_pairs": 1, "clock_time_get": 1, "proxy_increment_metric": 1, "proxy_replace_header_map_value": 3},
			calls{"get_header_values": 3, "clock_time_get": 1, "get_header_names": 1, "set_header_value": 3},
		},
		{
			"wrong, with two challenges", everywhere, "b", wrong,
			calls{"proxy_get_header_map_pairs": 1, "clock_time_get": 1, "proxy_increment_metric": 1, "proxy_send_local_response": 1, "proxy_get_property": 1, "proxy_log": 1},
			calls{"get_header_values": 7, "clock_time_get": 1, "get_source_addr": 1, "get_method": 1, "get_uri": 1, "log": 1, "set_header_value": 1, "add_header_value": 1, "set_status_code": 1},
		},
		{
			"right in a field, which is removed", field, "a", hosttest.RightToken,
			calls{"proxy_get_header_map_pairs": 1, "clock_time_get": 1, "proxy_increment_metric": 1, "proxy_replace_header_map_value": 1, "proxy_remove_header_map_value": 1},
			calls{"get_header_values": 1, "clock_time_get": 1, "get_header_names": 1, "set_header_value": 1, "remove_header": 1},
		},
		{
			"none, and no challenge", field, "authorization", "Bearer " + hosttest.RightToken,
			calls{"proxy_get_header_map_pairs": 1, "clock_time_get": 1, "proxy_increment_metric": 1, "proxy_send_local_response": 1, "proxy_get_property": 1, "proxy_log": 1},
			calls{"get_header_values": 5, "clock_time_get": 1, "get_source_addr": 1, "get_method": 1, "get_uri": 1, "log": 1, "set_status_code": 1},
		},
	} {
		s := &shares{}
		s.reset()
		plugins := sharedPlugins(t, s, c.configuration, c.field)
		for plugin, want := range map[string]calls{"proxywasm": c.proxy, "httpwasm": c.gateway} {
			plugins[plugin](c.value) // the first call may grow the memory
			s.reset()
			plugins[plugin](c.value)
			if !maps.Equal(s.calls, want) {
				t.Errorf("%s, %s: the host was called %v, want %v", plugin, c.name, s.calls, want)
			}
		}
	}
}

// TestHostCallsOfFlood: a denial that is not written takes a proxy no call more than any
// other, and a granted request takes none for the log.
func TestHostCallsOfFlood(t *testing.T) {
	s := &shares{}
	s.reset()
	e := &engine{name: compiler.name, cache: compiler.cache, listeners: s}
	p := newProxy(t, e)
	root, err := p.configure(t.Context(), hosttest.Ordinary())
	if err != nil {
		t.Fatal(err)
	}
	g := newHTTPGuest(t, e, hosttest.Ordinary())
	wrong := "Bearer " + hosttest.WrongToken
	type calls = map[string]int
	for name, plugin := range map[string]struct {
		ask     func() (status int, err error)
		want    calls
		summary []string
		log     *[]string
	}{
		"proxywasm": {
			func() (int, error) {
				p.fields = [][2]string{{":path", "/"}, {"authorization", wrong}}
				return p.ask(t.Context(), root)
			},
			calls{"proxy_get_header_map_pairs": 1, "clock_time_get": 1, "proxy_increment_metric": 1, "proxy_send_local_response": 1},
			[]string{"more decisions than are logged one by one unknown=10", "authentication failed reason=unknown uri=/"},
			&p.log,
		},
		"httpwasm": {
			func() (int, error) {
				g.values = []string{wrong}
				return g.ask(t.Context())
			},
			calls{"get_header_values": 1, "clock_time_get": 1, "set_header_value": 1, "set_status_code": 1},
			[]string{"more decisions than are logged one by one unknown=10", "authentication failed reason=unknown client=192.0.2.1 method=GET host=example.com uri=/x"},
			&g.log,
		},
	} {
		*plugin.log = nil
		for range 30 {
			s.reset()
			if status, err := plugin.ask(); err != nil || status != 401 {
				t.Fatal(status, err)
			}
		}
		if !maps.Equal(s.calls, plugin.want) || len(*plugin.log) != 20 {
			t.Errorf("%s: the host was called %v, want %v; %d lines", name, s.calls, plugin.want, len(*plugin.log))
		}
		p.now, g.now, *plugin.log = p.now+1, g.now+1, nil
		if status, err := plugin.ask(); err != nil || status != 401 || !slices.Equal(*plugin.log, plugin.summary) {
			t.Errorf("%s: a second later: %d, %v, logged %q, want %q", name, status, err, *plugin.log, plugin.summary)
		}
	}
}

// BenchmarkGuest is the plugins' own share of the time for a request, which is that
// without the functions of the host, and how often they call these.
func BenchmarkGuest(b *testing.B) {
	s := &shares{}
	s.reset()
	for name, ask := range sharedPlugins(b, s, hosttest.Ordinary(), "authorization") {
		b.Run(name, func(b *testing.B) {
			s.reset()
			for b.Loop() {
				ask("Bearer " + hosttest.RightToken)
			}
			calls := 0
			for _, n := range s.calls {
				calls += n
			}
			b.ReportMetric(float64(s.guest.Nanoseconds())/float64(b.N), "ns/op")
			b.ReportMetric(float64(calls)/float64(b.N), "host-calls/op")
		})
	}
}
