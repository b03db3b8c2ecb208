package parity

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// numbers that hosts get wrong.
var numbers = []uint64{
	0, 1, 15, 16, 4 << 10, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1<<20 - 1, 1 << 20, 1<<20 + 1,
	3 << 20, 1<<31 - 1, 1 << 31, 1<<32 - 1,
}

// A chooser makes up arguments.
type chooser struct{ *rand.Rand }

// number makes up an i32, likely one close to what is known to be right.
func (c chooser) number(known uint64) uint64 {
	n := c.Uint64()
	switch c.IntN(4) {
	case 0:
		n = numbers[c.IntN(len(numbers))]
	case 1:
		n = known + uint64(c.IntN(64)) - 32
	case 2:
		n = known
	}
	return uint64(uint32(n))
}

func (c chooser) bytes() []byte {
	b := make([]byte, c.IntN(200))
	for i := range b {
		b[i] = byte(c.Uint32())
	}
	return b
}

func rounds() int {
	if full {
		return 20_000
	}
	return 1_000
}

// Whatever a host calls the reactor with, it grants nothing and goes on.
func TestReactorAbused(t *testing.T) {
	r := newReactor(t, quickest())
	c := chooser{rand.New(rand.NewPCG(4, 11))}
	keyring := []byte(tokentest.KeyringLine("ann", hosttest.RightToken, ""))
	wrong := []byte("Bearer " + hosttest.WrongToken)
	known := uint64(0)
	for i := range rounds() {
		var err error
		var result uint64
		switch name := []string{"alloc", "configure", "authorize", "accept", "reason", "principal", "scopes", "key", "last_error", "abi_version"}[c.IntN(10)]; name {
		case "alloc":
			size := c.number(uint64(len(wrong)))
			result, err = r.call(t.Context(), name, size)
			if size > 1<<20 && result != 0 {
				t.Fatalf("a buffer of %d bytes", size)
			}
			if known = result; known != 0 {
				// The token that is there is none of the keyring.
				text := c.bytes()
				if c.IntN(2) == 0 {
					text = wrong
				}
				r.module.Memory().Write(uint32(known), text[:min(uint64(len(text)), size)])
			}
		case "configure":
			if result, err = r.call(t.Context(), name, c.number(known), c.number(40)); int32(result) >= 0 && err == nil {
				t.Fatalf("configured with nothing: %d", int32(result))
			}
		case "authorize":
			result, err = r.call(t.Context(), name, c.number(known), c.number(uint64(len(wrong))), c.number(known), c.number(0), c.Uint64())
			if status := int32(result); err == nil && status != 401 && status != 403 && status != 500 {
				t.Fatalf("status %d", status)
			}
		case "accept":
			schemes := c.number(2)
			if result, err = r.call(t.Context(), name, schemes); err == nil && (result == 0) != (1 <= schemes && schemes <= 3) {
				t.Fatalf("accept(%d): %d", schemes, int32(result))
			}
		default:
			result, err = r.call(t.Context(), name)
			if (name == "principal" || name == "scopes" || name == "key") && result != 0 {
				t.Fatalf("%s %x of nobody", name, result)
			}
			if name == "reason" && int32(result) == int32(core.Granted) {
				t.Fatal("the reason is that it was granted")
			}
		}
		if err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
		if i%50 == 0 { // a call that is right still works
			if code, err := r.configure(t.Context(), keyring); err != nil || code != 0 {
				t.Fatalf("after %d calls: %d, %v", i, code, err)
			}
			if err := r.accept(t.Context(), core.Bearer); err != nil {
				t.Fatalf("after %d calls: %v", i, err)
			}
			if o, err := r.authorize(t.Context(), []byte("Bearer "+hosttest.RightToken), nil, 0); err != nil || o.Status != 200 || o.Principal != "ann" {
				t.Fatalf("after %d calls: %+v, %v", i, o, err)
			}
			if o, err := r.authorize(t.Context(), wrong, nil, 0); err != nil || o.Status != 401 {
				t.Fatalf("after %d calls: %+v, %v", i, o, err)
			}
		}
	}
}

// The life cycle of a keyring, and what is told of it.
func TestReactorConfigured(t *testing.T) {
	r := newReactor(t, interpreter)
	ctx := t.Context()
	expect := func(when, token string, status int) {
		t.Helper()
		if o, err := r.authorize(ctx, []byte("Bearer "+token), nil, 0); err != nil || o.Status != status || (o.Principal != "") != (status == 200) {
			t.Errorf("%s: %+v, %v, want %d", when, o, err, status)
		}
	}
	configure := func(text string, want int32) {
		t.Helper()
		code, err := r.configure(ctx, []byte(text))
		if err != nil || code != want {
			t.Errorf("%d, %v, want %d", code, err, want)
		}
		failure, err := r.text(ctx, "last_error")
		if err != nil || (failure == "") != (want == 0) || strings.Contains(failure, "secret") {
			t.Errorf("last_error %q, %v", failure, err)
		}
	}
	expect("before", hosttest.RightToken, 500)
	configure(tokentest.KeyringLine("ann", hosttest.RightToken, ""), 0)
	expect("configured", hosttest.RightToken, 200)
	configure(tokentest.KeyringLine("bob", hosttest.WrongToken, ""), 0)
	expect("configured again", hosttest.RightToken, 401)
	expect("configured again", hosttest.WrongToken, 200)
	configure(tokentest.KeyringLine("bob", hosttest.WrongToken, "secret=1"), -2)
	expect("broken", hosttest.WrongToken, 500)
	configure("# secret", -3)
	expect("no token", hosttest.WrongToken, 500)
	configure(tokentest.KeyringLine("ann", hosttest.RightToken, ""), 0)
	expect("right again", hosttest.RightToken, 200)
	if code, err := r.call(ctx, "configure", 8, 4<<10); err != nil || int32(code) != -1 {
		t.Errorf("a pointer elsewhere: %d, %v", int32(code), err)
	}
	expect("a pointer elsewhere", hosttest.RightToken, 500)
	for size, want := range map[uint64]bool{1 << 20: true, 1<<20 + 1: false, 1<<32 - 1: false} {
		if at, err := r.call(ctx, "alloc", size); err != nil || (at != 0) != want {
			t.Errorf("alloc of %d: %d, %v", size, at, err)
		}
	}
	if version, err := r.call(ctx, "abi_version"); err != nil || version != 1 {
		t.Errorf("version %d, %v", version, err)
	}
}

// A field of more than 64 KiB is denied, and so is a list of scopes.
func TestReactorOversized(t *testing.T) {
	r := newReactor(t, interpreter)
	if code, err := r.configure(t.Context(), []byte(tokentest.KeyringLine("ann", hosttest.RightToken, "scope=*"))); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	spaces := strings.Repeat(" ", 64<<10)
	if o, err := r.authorize(t.Context(), []byte("Bearer "+spaces+hosttest.RightToken), nil, 0); err != nil || o.Status == 200 {
		t.Errorf("an oversized field: %+v, %v", o, err)
	}
	if o, err := r.authorize(t.Context(), []byte("Bearer "+hosttest.RightToken), []byte("read "+spaces), 0); err != nil || o.Status == 200 {
		t.Errorf("an oversized list: %+v, %v", o, err)
	}
	if o, err := r.authorize(t.Context(), []byte("Bearer "+hosttest.RightToken), []byte("read"), 0); err != nil || o.Status != 200 {
		t.Errorf("afterwards: %+v, %v", o, err)
	}
}

// Whatever a host calls the proxy-wasm module with and answers it, nothing is
// granted, and the module goes on.
func TestProxyWasmAbused(t *testing.T) {
	p := newProxy(t, quickest())
	c := chooser{rand.New(rand.NewPCG(4, 12))}
	var names []string
	arity := map[string]int{}
	for name, f := range p.module.ExportedFunctionDefinitions() {
		if strings.HasPrefix(name, "proxy_on_") {
			names = append(names, name)
			arity[name] = len(f.ParamTypes())
		}
	}
	right := hosttest.Configuration(&vectors.Verdict{Keyring: []byte(tokentest.KeyringLine("ann", hosttest.RightToken, ""))})
	for i := range rounds() {
		p.configuration, p.garbage = c.bytes(), c.bytes()
		if c.IntN(3) == 0 {
			// Almost right, with a token that is not.
			p.garbage = hosttest.EncodePairs([][2]string{{"authorization", "Bearer " + hosttest.WrongToken}, {"a", "b"}})
			p.garbage[c.IntN(len(p.garbage))] = byte(c.Uint32())
		}
		name := names[i%len(names)]
		var arguments []uint64
		for range arity[name] {
			arguments = append(arguments, c.number(p.context))
		}
		if name == "proxy_on_memory_allocate" {
			arguments[0] %= 1 << 18 // the memory that was taken is not given back
		}
		result, err := p.call(t.Context(), name, arguments...)
		if err != nil {
			t.Fatalf("call %d, %s%v: %v", i, name, arguments, err)
		}
		if name == "proxy_on_request_headers" && result == 0 {
			t.Fatalf("call %d: %q passes", i, p.garbage)
		}
		if i%50 == 0 {
			p.garbage, p.context = nil, 1_000_000+uint64(i)*100
			root, err := p.configure(t.Context(), right)
			if err != nil {
				t.Fatal(err)
			}
			for token, want := range map[string]int{hosttest.RightToken: 200, hosttest.WrongToken: 401} {
				p.fields = [][2]string{{"authorization", "Bearer " + token}}
				if status, err := p.ask(t.Context(), root); err != nil || status != want {
					t.Fatalf("after %d calls: %d, %v, want %d", i, status, err, want)
				}
			}
			if _, err := p.call(t.Context(), "proxy_on_delete", root); err != nil {
				t.Fatal(err)
			}
			p.log = nil
		}
	}
}

func TestProxyWasmConfigured(t *testing.T) {
	p := newProxy(t, interpreter)
	right := hosttest.Configuration(&vectors.Verdict{Keyring: []byte(tokentest.KeyringLine("ann", hosttest.RightToken, ""))})
	root, err := p.configure(t.Context(), right)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(when string, root uint64, want int) {
		t.Helper()
		p.fields = [][2]string{{"authorization", "Bearer " + hosttest.RightToken}}
		if status, err := p.ask(t.Context(), root); err != nil || status != want {
			t.Errorf("%s: %d, %v, want %d", when, status, err, want)
		}
	}
	expect("configured", root, 200)
	for name, configuration := range hosttest.BadConfigurations() {
		p.log = nil
		if err := p.reconfigure(t.Context(), root, []byte(configuration)); err != nil {
			t.Fatal(err)
		}
		if len(p.log) != 1 || strings.Contains(p.log[0], "secret") {
			t.Errorf("%s: log %q", name, p.log)
		}
		expect(name, root, 500)
	}
	if err := p.reconfigure(t.Context(), root, right); err != nil {
		t.Fatal(err)
	}
	expect("right again", root, 200)
	expect("a plugin that there is not", root+500, 500)
}

// Whatever the host of the http-wasm module says of the request, nothing is
// granted, and the module goes on.
func TestHTTPWasmAbused(t *testing.T) {
	g := newHTTPGuest(t, quickest(), hosttest.Configuration(&vectors.Verdict{Keyring: []byte(tokentest.KeyringLine("ann", hosttest.RightToken, ""))}))
	c := chooser{rand.New(rand.NewPCG(4, 13))}
	for i := range rounds() {
		answer := c.number(0)<<32 | c.number(0)
		g.answer, g.log = &answer, nil
		if status, err := g.ask(t.Context()); err != nil || status == 200 {
			t.Fatalf("%x is answered %d, %v", answer, status, err)
		}
		// The right token does not help if the host lies about the other fields.
		g.values, g.answer, g.namesAnswer = []string{"Bearer " + hosttest.RightToken}, nil, &answer
		if status, err := g.ask(t.Context()); err != nil || status == 200 && answer>>32 != answer&0xffffffff { // names that are all empty are possible
			t.Fatalf("names %x are answered %d, %v", answer, status, err)
		}
		g.namesAnswer = nil
		if i%50 == 0 {
			for token, want := range map[string]int{hosttest.RightToken: 200, hosttest.WrongToken: 401, strings.Repeat("x", 70<<10): 401, strings.Repeat("x", 10<<10): 401} {
				g.values = []string{"Bearer " + token}
				if status, err := g.ask(t.Context()); err != nil || status != want {
					t.Fatalf("after %d calls: %d, %v, want %d", i, status, err, want)
				}
			}
		}
	}
	if size := g.module.Memory().Size(); size > maxInstance {
		t.Errorf("%d bytes of memory", size)
	}
}
