package guest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/identity"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

func TestProxyWasmVerdicts(t *testing.T) {
	p := newFakeProxy()
	roots := map[string]uint32{}
	vectors.Run(t, vectors.Subject{Build: vectors.ProxyWasm, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		configuration := hosttest.Configuration(v)
		root, ok := roots[string(configuration)]
		if !ok {
			root = p.configure(configuration)
			roots[string(configuration)] = root
		}
		p.now, p.fields = v.Now, hosttest.RequestFields(v)
		if o.Status, err = p.ask(root); err != nil {
			return o, err
		}
		if o.Status == 200 {
			return hosttest.Passed(p.fields), nil
		}
		if p.detail != "auth_service_"+v.Expect.Reason {
			return o, fmt.Errorf("detail %s", p.detail)
		}
		return o, hosttest.CheckDenial(v, hosttest.Values(p.sent, ChallengeName))
	}})
}

func TestProxyWasmForwards(t *testing.T) {
	p := newFakeProxy()
	vectors.RunForwards(t, vectors.Forwarder{Build: vectors.ProxyWasm, Forward: func(f *vectors.Forward) (status int, forwarded []vectors.Field, err error) {
		p.fields = hosttest.Pairs(f.Request)
		if status, err = p.ask(p.configure(hosttest.ForwardConfiguration(f))); err != nil || status != 200 {
			return status, nil, err
		}
		for _, field := range p.fields {
			forwarded = append(forwarded, field)
		}
		return status, forwarded, nil
	}})
}

// A host that does not do as it is told, or tells what cannot be, gets no request
// passed on. It grants again as soon as the host is right.
func TestProxyWasmHostFaults(t *testing.T) {
	user, connection := [2]string{identity.User, "root"}, [2]string{identity.Connection, "close, " + identity.User}
	long := [2]string{identity.Connection, strings.Repeat("x", identity.MaxConnection)}
	for _, tt := range []struct {
		name   string
		fault  func(*fakeProxy)
		status int
		detail string
	}{
		{"none", func(*fakeProxy) {}, 200, ""},
		{"no clock", func(p *fakeProxy) { p.noClock = true }, 500, "unconfigured"},
		{"an error", func(p *fakeProxy) { p.change = func(a Answer) Answer { a.OK = false; return a } }, 500, "unconfigured"},
		{"another address", func(p *fakeProxy) { p.change = func(a Answer) Answer { a.Address++; return a } }, 500, "unconfigured"},
		{"no address", func(p *fakeProxy) { p.change = func(a Answer) Answer { a.Address = 0; return a } }, 500, "unconfigured"},
		{"a byte more", func(p *fakeProxy) { p.change = func(a Answer) Answer { a.Size++; return a } }, 500, "unconfigured"},
		{"a byte less", func(p *fakeProxy) { p.change = func(a Answer) Answer { a.Size--; return a } }, 500, "unconfigured"},
		{"no bytes", func(p *fakeProxy) { p.change = func(a Answer) Answer { a.Size = 0; return a } }, 401, "missing"},
		{"garbage", func(p *fakeProxy) { p.pairs = []byte("garbage") }, 500, "unconfigured"},
		{"too many bytes", func(p *fakeProxy) { p.pairs = make([]byte, MaxFields+1) }, 500, "unconfigured"},
		{"the plugin ends meanwhile", func(p *fakeProxy) { p.during = func() { p.guest.Delete(1) } }, 500, "unconfigured"},
		{"no replacing", func(p *fakeProxy) { p.refuses = map[string]bool{identity.User: true} }, 500, "unconfigured"},
		{"no removing", func(p *fakeProxy) {
			p.fields, p.refuses = append(p.fields, user), map[string]bool{"-" + identity.User: true}
		}, 500, "unconfigured"},
		{"no stripping", func(p *fakeProxy) { p.refuses = map[string]bool{"-authorization": true} }, 500, "unconfigured"},
		{"no removing of Connection", func(p *fakeProxy) {
			p.fields, p.refuses = append(p.fields, connection), map[string]bool{"-" + identity.Connection: true}
		}, 500, "unconfigured"},
		{"no replacing of Connection", func(p *fakeProxy) {
			p.fields, p.refuses = append(p.fields, connection), map[string]bool{identity.Connection: true}
		}, 500, "unconfigured"},
		{"Connection is left alone", func(p *fakeProxy) {
			p.fields = append(p.fields, [2]string{identity.Connection, "close"})
			p.refuses = map[string]bool{identity.Connection: true, "-" + identity.Connection: true}
		}, 200, ""},
		{"a long Connection", func(p *fakeProxy) { p.fields = append(p.fields, long) }, 401, "malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newFakeProxy()
			stripping := []byte(strings.TrimSuffix(string(hosttest.Ordinary()), "}") + `, "strip_authorization": true}`)
			root := p.configure(stripping)
			p.fields = right()
			tt.fault(p)
			status, err := p.ask(root)
			if err != nil || status != tt.status || tt.detail != "" && p.detail != "auth_service_"+tt.detail {
				t.Errorf("%d, %s, %v", status, p.detail, err)
			}
			p.change, p.noClock, p.pairs, p.refuses, p.during, p.fields = nil, false, nil, nil, nil, right()
			p.guest.Create(root, 0)
			p.reconfigure(root, stripping)
			if status, err := p.ask(root); err != nil || status != 200 || len(hosttest.Values(p.fields, "authorization")) > 0 {
				t.Errorf("afterwards: %d, %v, %q", status, err, p.fields)
			}
		})
	}
}

func TestProxyWasmConfigure(t *testing.T) {
	p := newFakeProxy()
	expect := func(when string, root uint32, want int) {
		t.Helper()
		p.fields = right()
		if status, err := p.ask(root); err != nil || status != want {
			t.Errorf("%s: %d, %v, want %d", when, status, err, want)
		}
	}
	root := p.configure(hosttest.Ordinary())
	expect("configured", root, 200)
	expect("a plugin that there is not", root+500, 500)
	other := p.configure(nil)
	expect("another plugin", other, 500)
	expect("beside it", root, 200)
	for name, configuration := range hosttest.BadConfigurations() {
		p.reconfigure(root, hosttest.Ordinary())
		p.log = nil
		p.reconfigure(root, []byte(configuration))
		if len(p.log) != 1 || !strings.HasPrefix(p.log[0], "auth-service denies every request: ") || strings.Contains(p.log[0], "secret") {
			t.Errorf("%s: log %q", name, p.log)
		}
		if p.guest.buffer.Taken() != nil {
			t.Errorf("%s: the configuration is still in the buffer", name)
		}
		expect(name, root, 500)
	}
	for name, change := range map[string]func(Answer) Answer{
		"an error":     func(a Answer) Answer { a.OK = false; return a },
		"elsewhere":    func(a Answer) Answer { a.Address--; return a },
		"not all":      func(a Answer) Answer { a.Size--; return a },
		"nothing":      func(a Answer) Answer { return Answer{OK: true} },
		"no functions": func(Answer) Answer { return Answer{} },
	} {
		p.reconfigure(root, hosttest.Ordinary())
		expect(name+", before", root, 200)
		p.log, p.change = nil, change
		p.reconfigure(root, hosttest.Ordinary())
		if p.change = nil; len(p.log) != 1 {
			t.Errorf("%s: log %q", name, p.log)
		}
		expect(name, root, 500)
	}
	// A plugin that is configured without having been created.
	p.log = nil
	if p.reconfigure(root+1000, hosttest.Ordinary()); len(p.log) > 0 {
		t.Errorf("log %q", p.log)
	}
	expect("not created", root+1000, 200)

	// A new plugin in the place of another is not configured.
	p.guest.Create(root+1000, 0)
	expect("created anew", root+1000, 500)
}

// A plugin that ends takes its streams with it, and no context is left behind.
func TestProxyWasmDelete(t *testing.T) {
	p := newFakeProxy()
	root := p.configure(hosttest.Ordinary())
	p.fields = right()
	p.guest.Create(50, root)
	p.guest.Create(51, root)
	if !p.guest.RequestHeaders(50) || !p.guest.Passes(50) || p.guest.Passes(51) {
		t.Error("streams are not told apart")
	}
	p.guest.Delete(root)
	p.fields = right()
	if p.guest.RequestHeaders(51) || p.status != 500 {
		t.Errorf("a stream of a plugin that has ended: status %d", p.status)
	}
	p.guest.Delete(50)
	p.guest.Delete(51)
	p.guest.Delete(52)
	if len(p.guest.plugins)+len(p.guest.streams) > 0 {
		t.Errorf("%d plugins and %d streams are left", len(p.guest.plugins), len(p.guest.streams))
	}
	if p.guest.RequestHeaders(52) || len(p.guest.streams) > 0 {
		t.Error("a stream that there is not")
	}
}

func TestProxyWasmAllocatesNothing(t *testing.T) {
	for name, fields := range map[string][][2]string{
		"granted":          {{":path", "/"}, {"X_Auth_Request_User", "root"}, {"connection", "close, x-auth-request-user"}, {"authorization", "Bearer " + hosttest.RightToken}},
		"granted, Basic":   {{"authorization", basicOf(hosttest.RightToken)}, {"x-auth-request-key", "root"}},
		"granted, a field": {{"x-api-key", hosttest.RightToken}, {"authorization", "Digest x"}},
		"lacking":          {{"authorization", "Bearer " + hosttest.WrongToken}},
		"lacking, Basic":   {{"authorization", basicOf(hosttest.WrongToken)}},
		"lacking, a field": {{"x-api-key", hosttest.WrongToken}},
		"two":              {{"x-api-key", hosttest.RightToken}, {"authorization", basicOf(hosttest.RightToken)}},
		"nothing":          {{":path", "/"}},
	} {
		p := newFakeProxy()
		root := p.configure(everywhere())
		p.pairs = hosttest.EncodePairs(fields)
		p.guest.Host.ReplaceRequestField = func(string, string) bool { return true }
		p.guest.Host.RemoveRequestField = func(string) bool { return true }
		p.guest.Host.Respond = func(uint32, string, []byte) {}
		p.guest.Host.Log = func(Level, string) {}
		p.guest.Create(1000, root)
		if pass := p.guest.RequestHeaders(1000); pass != strings.HasPrefix(name, "granted") {
			t.Fatalf("%s: %t", name, pass)
		}
		if n := testing.AllocsPerRun(10, func() { p.guest.RequestHeaders(1000) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// everywhere is a configuration in which a token is accepted in several places, and all
// is told of its owner.
func everywhere() []byte {
	return hosttest.Configuration(&vectors.Verdict{
		Keyring: []byte(tokentest.KeyringLine("ann", hosttest.RightToken, "scope=read,write")), Scopes: []string{"read"},
		Accept: "bearer,basic,header:X-API-Key,header:X-Token", Realm: "here", Identity: "user,scopes,key",
	})
}

func basicOf(token string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+token))
}

// A host that does not set one of the fields gets no request passed on.
func TestProxyWasmTells(t *testing.T) {
	for _, name := range []string{"", identity.User, identity.Scopes, identity.Key} {
		p := newFakeProxy()
		root := p.configure(everywhere())
		p.fields, p.refuses = [][2]string{{"x-api-key", hosttest.RightToken}, {identity.Scopes, "*"}}, map[string]bool{name: true}
		status, err := p.ask(root)
		if want := map[bool]int{true: 200, false: 500}[name == ""]; err != nil || status != want {
			t.Errorf("%s: %d, %v, want %d", name, status, err, want)
		}
		if got := hosttest.Passed(p.fields); status == 200 && (got.Principal != "ann" || got.Scopes != "read write" || len(got.Key) != 8) {
			t.Errorf("%+v", got)
		}
	}
}

// What is stripped is every field in which a token is accepted, and no other.
func TestProxyWasmStrips(t *testing.T) {
	for accept, want := range map[string]string{
		"bearer": "x-api-key other", "basic,header:X-API-Key": "other", "header:x-api-key": "AUTHORIZATION other", "header:other,bearer": "x-api-key",
	} {
		p := newFakeProxy()
		root := p.configure(hosttest.Configuration(&vectors.Verdict{Keyring: []byte(tokentest.KeyringLine("ann", hosttest.RightToken)), Accept: accept}))
		plugin := p.guest.plugins[root]
		plugin.strip = true
		p.fields = [][2]string{{"AUTHORIZATION", "Digest x"}, {"x-api-key", ""}, {"other", ""}}
		for i, name := range []string{"authorization", "x-api-key", "other"} {
			if name == strings.TrimPrefix(strings.ToLower(accept[strings.LastIndex(accept, ",")+1:]), "header:") {
				p.fields[i][1] = hosttest.RightToken
			}
		}
		if strings.HasSuffix(accept, "bearer") {
			p.fields[0][1] = "Bearer " + hosttest.RightToken
		}
		status, err := p.ask(root)
		var names []string
		for _, field := range p.fields {
			if field[0] != identity.User {
				names = append(names, field[0])
			}
		}
		if err != nil || status != 200 || strings.Join(names, " ") != want {
			t.Errorf("%s: %d, %v, passed on %q, want %s", accept, status, err, names, want)
		}
	}
}

// A host gets no less memory for an address than it asks for.
func TestPropertyMemory(t *testing.T) {
	p := newFakeProxy()
	for size, want := range map[uint32]int{0: 0, 30: 30, maxProperty: maxProperty, maxProperty + 1: 0, 1<<32 - 1: 0} {
		memory := []byte{}
		p.guest.Host.Property = func(string) Answer {
			memory = p.guest.Allocate(size)
			return Answer{}
		}
		if p.guest.peer(); len(memory) != want || (memory == nil) != (size > maxProperty) {
			t.Errorf("%d bytes: got %d", size, len(memory))
		}
	}
	if len(p.guest.Allocate(maxProperty+1)) != maxProperty+1 {
		t.Error("the limit is for other memory too")
	}
}
