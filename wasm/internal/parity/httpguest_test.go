package parity

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// An httpGuest is one instance of the http-wasm module, in a host that can be
// made to answer anything. http-wasm-host-go has a pool of instances that
// come and go.
type httpGuest struct {
	module api.Module
	calls  wasiCalls
	now    int64

	configuration []byte
	values        []string // of the request's Authorization fields
	keys          []string // values of its X-API-Key fields
	connection    []string // values of its Connection fields
	names         []string // of its other fields
	answer        *uint64  // what get_header_values answers instead, if not nil
	namesAnswer   *uint64  // what get_header_names answers instead, if not nil

	status    uint32
	principal string
	log       []string
}

func newHTTPGuest(tb testing.TB, e *engine, configuration []byte) *httpGuest {
	tb.Helper()
	g := &httpGuest{calls: wasiCalls{}, configuration: configuration}
	if e.listeners != nil {
		g.calls = nil // there is one listener for a function
	}
	r := e.open(tb, g.calls)
	env := r.NewHostModuleBuilder("http_handler")
	for name, f := range map[string]any{
		"log":         func(_ context.Context, m api.Module, _, at, n uint32) { g.log = append(g.log, text(m, at, n)) },
		"log_enabled": func(context.Context, api.Module, uint32) uint32 { return 1 },
		"get_method":  func(_ context.Context, m api.Module, at, limit uint32) uint32 { return giveText(m, "GET", at, limit) },
		"get_uri":     func(_ context.Context, m api.Module, at, limit uint32) uint32 { return giveText(m, "/x?y", at, limit) },
		"get_source_addr": func(_ context.Context, m api.Module, at, limit uint32) uint32 {
			return giveText(m, "192.0.2.1:5000", at, limit)
		},
		"get_config": func(_ context.Context, m api.Module, at, limit uint32) uint32 {
			if n := uint32(len(g.configuration)); n <= limit {
				m.Memory().Write(at, g.configuration)
			}
			return uint32(len(g.configuration))
		},
		"get_header_names": func(_ context.Context, m api.Module, _, at, limit uint32) uint64 {
			if g.namesAnswer != nil {
				return *g.namesAnswer
			}
			names := append([]string{"Authorization"}, g.names...)
			if g.connection != nil {
				names = append(names, "Connection")
			}
			return giveList(m, names, at, limit)
		},
		"get_header_values": func(_ context.Context, m api.Module, _, name, size, at, limit uint32) uint64 {
			if g.answer != nil {
				return *g.answer
			}
			switch text(m, name, size) {
			case "connection":
				return giveList(m, g.connection, at, limit)
			case "x-api-key":
				return giveList(m, g.keys, at, limit)
			case "host":
				return giveList(m, []string{"example.com"}, at, limit)
			case "x-request-id", "x-real-ip", "x-forwarded-for":
				return 0
			}
			return giveList(m, g.values, at, limit)
		},
		"set_header_value": func(_ context.Context, m api.Module, kind, name, size, at, n uint32) {
			if kind == 0 && text(m, name, size) == "x-auth-request-user" {
				g.principal = text(m, at, n)
			}
		},
		"add_header_value": func(context.Context, api.Module, uint32, uint32, uint32, uint32, uint32) {},
		"remove_header":    func(context.Context, api.Module, uint32, uint32, uint32) {},
		"set_status_code":  func(_ context.Context, status uint32) { g.status = status },
	} {
		env = env.NewFunctionBuilder().WithFunc(f).Export(name)
	}
	if _, err := env.Instantiate(e.context(tb.Context())); err != nil {
		tb.Fatal(err)
	}
	g.module = instantiate(e.context(tb.Context()), tb, r, modules.HTTPWasm(tb), wazero.NewModuleConfig().WithName("").
		WithWalltime(func() (int64, int32) { return g.now, 0 }, 1))
	return g
}

// giveText writes a text as a host does, if there is room for it.
func giveText(m api.Module, text string, at, limit uint32) (length uint32) {
	if uint32(len(text)) <= limit {
		m.Memory().WriteString(at, text)
	}
	return uint32(len(text))
}

// giveList writes texts as a host does, if there is room for them.
func giveList(m api.Module, list []string, at, limit uint32) (countAndLength uint64) {
	all := ""
	for _, one := range list {
		all += one + "\x00"
	}
	if uint64(len(all)) <= uint64(limit) {
		m.Memory().WriteString(at, all)
	}
	return uint64(len(list))<<32 | uint64(len(all))
}

// ask returns the status of the guest's answer, or 200 where the request may
// pass.
func (g *httpGuest) ask(ctx context.Context) (status int, err error) {
	g.status, g.principal = 0, ""
	results, err := g.module.ExportedFunction("handle_request").Call(ctx)
	switch {
	case err != nil:
		return 0, fmt.Errorf("handle_request: %w", err)
	case results[0] == 1 && g.status == 0 && g.principal != "":
		return 200, nil
	case results[0] == 0 && g.status != 0 && g.principal == "":
		return int(g.status), nil
	}
	return 0, fmt.Errorf("answer %d with status %d and principal %q", results[0], g.status, g.principal)
}

// A configuration that is refused denies, and one line says why without a
// word of it.
func TestHTTPGuestRefusesConfiguration(t *testing.T) {
	for name, configuration := range hosttest.BadConfigurations() {
		t.Run(name, func(t *testing.T) {
			g := newHTTPGuest(t, interpreter, []byte(configuration))
			if len(g.log) != 1 || !strings.HasPrefix(g.log[0], "auth-service denies every request: ") || strings.Contains(g.log[0], "secret") {
				t.Errorf("log %q", g.log)
			}
			g.values = []string{"Bearer " + hosttest.RightToken}
			if status, err := g.ask(t.Context()); err != nil || status != 500 {
				t.Errorf("%d, %v", status, err)
			}
		})
	}
}
