package guest

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// A fakeGateway is a host of http-wasm that can do all that is wrong.
type fakeGateway struct {
	guest *HTTPWasm

	configuration []byte
	fields        [][2]string
	now           int64

	values, names *lie // about the values of fields, and about their names
	config        func(length uint32) uint32
	noClock       bool

	method, uri, source string
	silent              map[Level]bool // the levels that the log does not show

	status int
	sent   [][2]string
	lines  []string // about decisions, with their levels
	errors []string // in the configuration
}

// A lie is what a host answers instead. It writes nothing.
type lie struct{ count, length uint32 }

func newFakeGateway(configuration []byte) *fakeGateway {
	g := &fakeGateway{configuration: configuration}
	g.guest = NewHTTPWasm(g.host())
	return g
}

func (g *fakeGateway) host() HTTPHost {
	return HTTPHost{
		Configuration: func(buffer []byte) uint32 {
			if len(g.configuration) <= len(buffer) {
				copy(buffer, g.configuration)
			}
			if g.config != nil {
				return g.config(uint32(len(g.configuration)))
			}
			return uint32(len(g.configuration))
		},
		RequestNames: func(buffer []byte) (count, length uint32) {
			if g.names != nil {
				return g.names.count, g.names.length
			}
			var names []string
			for _, f := range g.fields {
				if !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, f[0]) }) {
					names = append(names, f[0])
				}
			}
			return writeList(buffer, names)
		},
		RequestValues: func(name string, buffer []byte) (count, length uint32) {
			if g.values != nil {
				return g.values.count, g.values.length
			}
			return writeList(buffer, hosttest.Values(g.fields, name))
		},
		SetRequestField: func(name, value string) {
			name, value = strings.Clone(name), strings.Clone(value) // they are the guest's
			g.remove(name)
			g.fields = append(g.fields, [2]string{name, value})
		},
		RemoveRequestField: g.remove,
		SetResponseField: func(name, value string) {
			if g.status != 0 {
				panic("the response is sent already")
			}
			g.sent = [][2]string{{name, value}} // there is no other name
		},
		AddResponseField: func(name, value string) {
			if g.status != 0 {
				panic("the response is sent already")
			}
			g.sent = append(g.sent, [2]string{name, value})
		},
		SetStatus: func(code uint32) { g.status = int(code) },
		Method:    func(buffer []byte) uint32 { return writeText(buffer, g.method) },
		URI:       func(buffer []byte) uint32 { return writeText(buffer, g.uri) },
		Source:    func(buffer []byte) uint32 { return writeText(buffer, g.source) },
		Log: func(level Level, message string) {
			if message = strings.Clone(message); level == Error && strings.HasPrefix(message, denyingEverything) {
				g.errors = append(g.errors, message)
				return
			}
			g.lines = append(g.lines, levels[level]+message)
		},
		Logs:   func(level Level) bool { return !g.silent[level] },
		Random: rand.Reader,
		Now: func() (int64, bool) {
			if g.noClock {
				return 0, false
			}
			return g.now, true
		},
	}
}

// writeText writes a text as a host does, if there is room for it.
func writeText(buffer []byte, text string) (length uint32) {
	if len(text) <= len(buffer) {
		copy(buffer, text)
	}
	return uint32(len(text))
}

// writeList writes texts as a host does, if there is room for them.
func writeList(buffer []byte, list []string) (count, length uint32) {
	all := ""
	for _, text := range list {
		all += text + "\x00"
	}
	if len(all) <= len(buffer) {
		copy(buffer, all)
	}
	return uint32(len(list)), uint32(len(all))
}

func (g *fakeGateway) remove(name string) {
	g.fields = slices.DeleteFunc(slices.Clone(g.fields), func(f [2]string) bool { return strings.EqualFold(f[0], name) })
}

// ask returns the status of the response, or 200 if the request may pass.
func (g *fakeGateway) ask() (status int, err error) {
	g.status, g.sent = 0, nil
	pass := g.guest.HandleRequest()
	switch {
	case len(g.guest.buffer.Taken()) > 0, slices.ContainsFunc(g.guest.tokens[:], func(b Buffer) bool { return len(b.Taken()) > 0 }):
		return 0, fmt.Errorf("the request is still in the buffer")
	case pass && g.status == 0 && len(g.sent) == 0:
		return 200, nil
	case !pass && g.status != 0:
		return g.status, nil
	}
	return 0, fmt.Errorf("pass %t with status %d, and fields %q", pass, g.status, g.sent)
}
