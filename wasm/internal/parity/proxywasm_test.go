package parity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// A proxy is a proxy-wasm host of the module. The Go SDK's has neither a clock
// that can be set nor the interpreter; a test of its own runs under that.
type proxy struct {
	module  api.Module
	calls   wasiCalls
	now     int64
	context uint64 // the last that was created

	configuration []byte
	fields        [][2]string // of the request
	garbage       []byte      // what the fields are said to be, if not nil

	response struct {
		status uint32
		detail string
		fields [][2]string
	}
	log      []string
	counters []string          // the names of those that are defined
	counts   map[string]uint64 // by name
	source   string            // the address of the client, if not empty
}

const (
	statusOK       = 0
	statusNotFound = 1
	statusBad      = 2
)

func newProxy(tb testing.TB, e *engine) *proxy {
	tb.Helper()
	p := &proxy{calls: wasiCalls{}, counts: map[string]uint64{}}
	if e.listeners != nil {
		p.calls = nil // there is one listener for a function
	}
	r := e.open(tb, p.calls)
	env := r.NewHostModuleBuilder("env")
	for name, f := range map[string]any{
		"proxy_log": func(_ context.Context, m api.Module, _, at, n uint32) uint32 {
			p.log = append(p.log, text(m, at, n))
			return statusOK
		},
		"proxy_define_metric": func(_ context.Context, m api.Module, kind, name, size, id uint32) uint32 {
			p.counters = append(p.counters, text(m, name, size))
			if kind != 0 || !m.Memory().WriteUint32Le(id, uint32(len(p.counters))) {
				return statusBad
			}
			return statusOK
		},
		"proxy_increment_metric": func(_ context.Context, id uint32, by uint64) uint32 {
			p.counts[p.counters[id-1]] += by
			return statusOK
		},
		"proxy_get_property": func(ctx context.Context, m api.Module, name, size, data, dataSize uint32) uint32 {
			if text(m, name, size) != "source\x00address" || p.source == "" {
				return statusNotFound
			}
			return give(ctx, m, []byte(p.source), data, dataSize)
		},
		"proxy_get_buffer_bytes": func(ctx context.Context, m api.Module, _, start, size, data, dataSize uint32) uint32 {
			end := min(uint64(start)+uint64(size), uint64(len(p.configuration)))
			return give(ctx, m, p.configuration[min(uint64(start), end):end], data, dataSize)
		},
		"proxy_get_header_map_pairs": func(ctx context.Context, m api.Module, _, data, dataSize uint32) uint32 {
			pairs := p.garbage
			if pairs == nil {
				pairs = hosttest.EncodePairs(p.fields)
			}
			return give(ctx, m, pairs, data, dataSize)
		},
		"proxy_replace_header_map_value": func(_ context.Context, m api.Module, _, name, nameSize, value, valueSize uint32) uint32 {
			p.remove(text(m, name, nameSize))
			p.fields = append(p.fields, [2]string{text(m, name, nameSize), text(m, value, valueSize)})
			return statusOK
		},
		"proxy_remove_header_map_value": func(_ context.Context, m api.Module, _, name, nameSize uint32) uint32 {
			if !p.remove(text(m, name, nameSize)) {
				return statusNotFound
			}
			return statusOK
		},
		"proxy_send_local_response": func(_ context.Context, m api.Module, status, detail, detailSize, _, _, fields, fieldsSize, _ uint32) uint32 {
			p.response.status, p.response.detail = status, text(m, detail, detailSize)
			p.response.fields = hosttest.DecodePairs([]byte(text(m, fields, fieldsSize)))
			return statusOK
		},
	} {
		env = env.NewFunctionBuilder().WithFunc(f).Export(name)
	}
	if _, err := env.Instantiate(e.context(tb.Context())); err != nil {
		tb.Fatal(err)
	}
	// The last nanosecond of the second; the http-wasm host's clock has the first.
	config := wazero.NewModuleConfig().WithName("").WithRandSource(rand.Reader).
		WithWalltime(func() (int64, int32) { return p.now, 999_999_999 }, 1)
	p.module = instantiate(e.context(tb.Context()), tb, r, modules.ProxyWasm(tb), config)
	if ok, err := p.call(tb.Context(), "proxy_on_vm_start", 0, 0); err != nil || ok != 1 {
		tb.Fatal(ok, err)
	}
	return p
}

func (p *proxy) call(ctx context.Context, name string, arguments ...uint64) (uint64, error) {
	results, err := p.module.ExportedFunction(name).Call(ctx, arguments...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return results[0], nil
}

// configure makes a plugin, and returns its root context.
func (p *proxy) configure(ctx context.Context, configuration []byte) (root uint64, err error) {
	p.context++
	root = p.context
	if _, err = p.call(ctx, "proxy_on_context_create", root, 0); err != nil {
		return 0, err
	}
	return root, p.reconfigure(ctx, root, configuration)
}

func (p *proxy) reconfigure(ctx context.Context, root uint64, configuration []byte) error {
	p.configuration = configuration
	ok, err := p.call(ctx, "proxy_on_configure", root, uint64(len(configuration)))
	if err == nil && ok != 1 {
		err = errors.New("the plugin fails to start, which some hosts take for leave to pass")
	}
	return err
}

// ask asks a plugin about a request, and returns the status of its answer or
// 200 where the request may pass. The request's fields are in p.
func (p *proxy) ask(ctx context.Context, root uint64) (status int, err error) {
	p.context++
	stream := p.context
	p.response.status, p.response.detail, p.response.fields = 0, "", nil
	if _, err = p.call(ctx, "proxy_on_context_create", stream, root); err != nil {
		return 0, err
	}
	action, err := p.call(ctx, "proxy_on_request_headers", stream, uint64(len(p.fields)), 1)
	if err != nil {
		return 0, err
	}
	later, err := p.call(ctx, "proxy_on_request_body", stream, 0, 1)
	if err == nil && later != action {
		err = errors.New("the body is not treated as the head")
	}
	for _, end := range []string{"proxy_on_done", "proxy_on_log", "proxy_on_delete"} {
		if _, endErr := p.call(ctx, end, stream); err == nil {
			err = endErr
		}
	}
	switch {
	case err != nil:
		return 0, err
	case action == 0 && p.response.status == 0:
		return 200, nil
	case action == 1 && p.response.status != 0:
		return int(p.response.status), nil
	}
	return 0, fmt.Errorf("action %d with status %d", action, p.response.status)
}

func (p *proxy) remove(name string) (found bool) {
	kept := p.fields[:0:0]
	for _, f := range p.fields {
		if strings.EqualFold(f[0], name) {
			found = true
			continue
		}
		kept = append(kept, f)
	}
	p.fields = kept
	return found
}

func text(m api.Module, at, n uint32) string {
	b, _ := m.Memory().Read(at, n)
	return string(b)
}

// give hands b to the guest as a host does: in memory that the guest gives.
func give(ctx context.Context, m api.Module, b []byte, data, dataSize uint32) uint32 {
	if len(b) == 0 {
		return statusOK
	}
	results, err := m.ExportedFunction("proxy_on_memory_allocate").Call(ctx, uint64(len(b)))
	if err != nil || results[0] == 0 || !m.Memory().Write(uint32(results[0]), b) {
		return statusBad
	}
	if !m.Memory().WriteUint32Le(data, uint32(results[0])) || !m.Memory().WriteUint32Le(dataSize, uint32(len(b))) {
		return statusBad
	}
	return statusOK
}

// proxySubject answers vectors by one instance that has all the plugins.
func proxySubject(t *testing.T, e *engine) vectors.Subject {
	t.Helper()
	p := newProxy(t, e)
	roots := map[string]uint64{}
	return vectors.Subject{Build: vectors.ProxyWasm, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		configuration := hosttest.Configuration(v)
		root, ok := roots[string(configuration)]
		if !ok {
			if root, err = p.configure(t.Context(), configuration); err != nil {
				return o, err
			}
			roots[string(configuration)] = root
		}
		p.now, p.fields = v.Now, hosttest.RequestFields(v)
		if o.Status, err = p.ask(t.Context(), root); err != nil {
			return o, err
		}
		if o.Status == 200 {
			return hosttest.Passed(p.fields), nil
		}
		if want := "auth_service_" + v.Expect.Reason; p.response.detail != want {
			return o, fmt.Errorf("detail %s, want %s", p.response.detail, want)
		}
		return o, hosttest.CheckDenial(v, hosttest.Values(p.response.fields, "www-authenticate"))
	}}
}
