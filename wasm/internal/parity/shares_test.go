package parity

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
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

// sharedPlugins asks both plugins about a request, with what they do noted in s.
func sharedPlugins(tb testing.TB, s *shares) map[string]func(authorization string) {
	tb.Helper()
	e := &engine{name: compiler.name, cache: compiler.cache, listeners: s}
	p := newProxy(tb, e)
	root, err := p.configure(tb.Context(), hosttest.Ordinary())
	if err != nil {
		tb.Fatal(err)
	}
	g := newGateway(tb, e, nil, traefik(), hosttest.Ordinary())
	return map[string]func(string){
		"proxywasm": func(authorization string) {
			p.fields = [][2]string{{":path", "/"}, {"accept", "*/*"}, {"authorization", authorization}}
			if _, err := p.ask(tb.Context(), root); err != nil {
				tb.Fatal(err)
			}
		},
		"httpwasm": func(authorization string) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Accept", "*/*")
			r.Header.Set("Authorization", authorization)
			g.handler.ServeHTTP(httptest.NewRecorder(), r)
		},
	}
}

// TestHostCalls: a plugin asks its host for no more than it needs for a request.
func TestHostCalls(t *testing.T) {
	t.Parallel()
	s := &shares{}
	s.reset()
	plugins := sharedPlugins(t, s)
	const wrong = "another-token-of-the-same-length-00000000000"
	for _, c := range []struct {
		plugin, token string
		want          map[string]int
	}{
		{"proxywasm", hosttest.RightToken, map[string]int{"proxy_get_header_map_pairs": 1, "clock_time_get": 1, "proxy_replace_header_map_value": 1}},
		{"proxywasm", wrong, map[string]int{"proxy_get_header_map_pairs": 1, "clock_time_get": 1, "proxy_send_local_response": 1}},
		{"httpwasm", hosttest.RightToken, map[string]int{"get_header_values": 1, "clock_time_get": 1, "get_header_names": 1, "set_header_value": 1}},
		{"httpwasm", wrong, map[string]int{"get_header_values": 1, "clock_time_get": 1, "log": 1, "set_header_value": 1, "set_status_code": 1}},
	} {
		plugins[c.plugin]("Bearer " + c.token) // the first call may grow the memory
		s.reset()
		plugins[c.plugin]("Bearer " + c.token)
		if !maps.Equal(s.calls, c.want) {
			t.Errorf("%s, right token: %v: the host was called %v", c.plugin, c.token == hosttest.RightToken, s.calls)
		}
	}
}

// BenchmarkGuest is the plugins' own share of the time for a request, which is that
// without the functions of the host, and how often they call these.
func BenchmarkGuest(b *testing.B) {
	s := &shares{}
	s.reset()
	for name, ask := range sharedPlugins(b, s) {
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
