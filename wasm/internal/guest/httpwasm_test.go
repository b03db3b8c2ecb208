package guest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/identity"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

func TestHTTPWasmVerdicts(t *testing.T) {
	gateways := map[string]*fakeGateway{}
	vectors.Run(t, vectors.Subject{Build: vectors.HTTPWasm, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		configuration := hosttest.Configuration(v)
		g := gateways[string(configuration)]
		if g == nil {
			g = newFakeGateway(configuration)
			gateways[string(configuration)] = g
		}
		g.now, g.fields = v.Now, hosttest.RequestFields(v)
		g.lines, g.guest.audit.written = nil, 0
		if o.Status, err = g.ask(); err != nil {
			return o, err
		}
		if o.Status == 200 {
			return hosttest.Passed(g.fields), nil
		}
		if reason := reasonOf(g.lines); reason != v.Expect.Reason {
			return o, fmt.Errorf("logged %q, want %s", g.lines, v.Expect.Reason)
		}
		return o, hosttest.CheckDenial(v, hosttest.Values(g.sent, ChallengeName))
	}})
}

func TestHTTPWasmForwards(t *testing.T) {
	vectors.RunForwards(t, vectors.Forwarder{Build: vectors.HTTPWasm, Forward: func(f *vectors.Forward) (status int, forwarded []vectors.Field, err error) {
		g := newFakeGateway(hosttest.ForwardConfiguration(f))
		g.fields = hosttest.Pairs(f.Request)
		if status, err = g.ask(); err != nil || status != 200 {
			return status, nil, err
		}
		for _, field := range g.fields {
			forwarded = append(forwarded, field)
		}
		return status, forwarded, nil
	}})
}

func TestHTTPWasmConfigure(t *testing.T) {
	for name, configuration := range hosttest.BadConfigurations() {
		g := newFakeGateway([]byte(configuration))
		if len(g.errors) != 1 || !strings.HasPrefix(g.errors[0], "auth-service denies every request: ") || strings.Contains(g.errors[0], "secret") {
			t.Errorf("%s: log %q", name, g.errors)
		}
		if g.guest.buffer.Taken() != nil {
			t.Errorf("%s: the configuration is still in the buffer", name)
		}
		g.fields = right()
		if status, err := g.ask(); err != nil || status != 500 {
			t.Errorf("%s: %d, %v", name, status, err)
		}
	}
	longest := string(hosttest.Ordinary())
	longest += strings.Repeat(" ", MaxConfiguration-len(longest))
	for _, tt := range []struct {
		name          string
		configuration string
		length        func(uint32) uint32
		ok            bool
	}{
		{"longest", longest, nil, true},
		{"a byte more", longest + " ", nil, false},
		{"ordinary", string(hosttest.Ordinary()), nil, true},
		{"length of nothing", string(hosttest.Ordinary()), func(uint32) uint32 { return 0 }, false},
		{"largest length", string(hosttest.Ordinary()), func(uint32) uint32 { return 1<<32 - 1 }, false},
	} {
		g := &fakeGateway{configuration: []byte(tt.configuration), config: tt.length}
		g.guest = NewHTTPWasm(g.host())
		if (len(g.errors) == 0) != tt.ok {
			t.Errorf("%s: log %q", tt.name, g.errors)
		}
		g.fields = right()
		if status, err := g.ask(); err != nil || (status == 200) != tt.ok {
			t.Errorf("%s: %d, %v", tt.name, status, err)
		}
	}
	// A configuration that has become longer while it is asked for.
	calls := uint32(0)
	g := &fakeGateway{configuration: hosttest.Ordinary(), config: func(length uint32) uint32 { calls++; return length - 1 + calls }}
	g.guest = NewHTTPWasm(g.host())
	if len(g.errors) != 1 || !strings.Contains(g.errors[0], "too long") {
		t.Errorf("log %q", g.errors)
	}
}

// A host that tells what cannot be gets no request passed on.
func TestHTTPWasmHostFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fault  func(*fakeGateway)
		status int
		detail string
	}{
		{"none", func(*fakeGateway) {}, 200, ""},
		{"no clock", func(g *fakeGateway) { g.noClock = true }, 500, "unconfigured"},
		{"no clock, wrong token", func(g *fakeGateway) {
			g.noClock, g.fields = true, [][2]string{{"authorization", "Bearer " + hosttest.WrongToken}}
		}, 401, "unknown"},

		{"no values", func(g *fakeGateway) { g.values = &lie{0, 0} }, 401, "missing"},
		{"no values of some length", func(g *fakeGateway) { g.values = &lie{0, 10} }, 401, "missing"},
		{"one value of no bytes", func(g *fakeGateway) { g.values = &lie{1, 0} }, 401, "malformed"},
		{"one empty value", func(g *fakeGateway) { g.values = &lie{1, 1} }, 401, "missing"},
		{"zeros", func(g *fakeGateway) { g.values = &lie{1, 4 << 10} }, 401, "malformed"},
		{"two values", func(g *fakeGateway) { g.values = &lie{2, 10} }, 401, "malformed"},
		{"two values that are too long", func(g *fakeGateway) { g.values = &lie{2, 5 << 10} }, 401, "malformed"},
		{"one value that is always longer", func(g *fakeGateway) { g.values = &lie{1, MaxAuthorization + 2} }, 401, "malformed"},
		{"largest numbers", func(g *fakeGateway) { g.values = &lie{1<<32 - 1, 1<<32 - 1} }, 401, "malformed"},
		{"largest length", func(g *fakeGateway) { g.values = &lie{1, 1<<32 - 1} }, 401, "malformed"},

		{"no names", func(g *fakeGateway) { g.names = &lie{0, 0} }, 200, ""},
		{"no names of some length", func(g *fakeGateway) { g.names = &lie{0, 1} }, 401, "malformed"},
		{"one name of no bytes", func(g *fakeGateway) { g.names = &lie{1, 0} }, 401, "malformed"},
		{"one empty name", func(g *fakeGateway) { g.names = &lie{1, 1} }, 200, ""},
		{"fewer names", func(g *fakeGateway) { g.names = &lie{1, 2} }, 401, "malformed"},
		{"more names", func(g *fakeGateway) { g.names = &lie{2, 1} }, 401, "malformed"},
		{"as many as fit", func(g *fakeGateway) { g.names = &lie{1 << 10, 1 << 10} }, 200, ""},
		{"more than fit", func(g *fakeGateway) { g.names = &lie{1<<10 + 1, 1<<10 + 1} }, 200, ""},
		{"as many as may be", func(g *fakeGateway) { g.names = &lie{MaxNames, MaxNames} }, 200, ""},
		{"more than may be", func(g *fakeGateway) { g.names = &lie{MaxNames + 1, MaxNames + 1} }, 401, "malformed"},
		{"names that have become longer", func(g *fakeGateway) {
			length := uint32(1 << 10)
			g.guest.host.RequestNames = func([]byte) (uint32, uint32) { length += 1 << 10; return 1, length }
		}, 401, "malformed"},
		{"largest length of names", func(g *fakeGateway) { g.names = &lie{1, 1<<32 - 1} }, 401, "malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newFakeGateway(hosttest.Ordinary())
			g.fields = right()
			tt.fault(g)
			status, err := g.ask()
			if err != nil || status != tt.status || tt.detail != "" && reasonOf(g.lines) != tt.detail {
				t.Errorf("%d, %q, %v", status, g.lines, err)
			}
			g.values, g.names, g.noClock, g.fields = nil, nil, false, right()
			g.guest.host = g.host()
			if status, err := g.ask(); err != nil || status != 200 {
				t.Errorf("afterwards: %d, %v", status, err)
			}
		})
	}
}

// Fields around the sizes that the plugin asks for at first, and that it takes at
// most.
func TestHTTPWasmSizes(t *testing.T) {
	bearer := "Bearer " + hosttest.RightToken
	value := func(n int) string { return bearer + strings.Repeat(" ", n-len(bearer)) }
	g := newFakeGateway(hosttest.Ordinary())
	for n, want := range map[int]int{
		4<<10 - 2: 200, 4<<10 - 1: 200, 4 << 10: 200, 4<<10 + 1: 200,
		MaxAuthorization - 1: 200, MaxAuthorization: 200, MaxAuthorization + 1: 401,
	} {
		g.fields = [][2]string{{"authorization", value(n)}}
		if status, err := g.ask(); err != nil || status != want {
			t.Errorf("a value of %d bytes: %d, %v, want %d", n, status, err, want)
		}
	}
	for n, want := range map[int]int{1<<10 - 1: 200, 1 << 10: 200, 1<<10 + 1: 200, MaxNames - 1: 200, MaxNames: 200, MaxNames + 1: 401} {
		// The name of the Authorization field and of the identity are among the names.
		rest := n - len("authorization\x00x.auth.request.user\x00\x00")
		g.fields = [][2]string{{"authorization", bearer}, {strings.Repeat("x", rest), ""}, {"x.auth.request.user", "root"}}
		if status, err := g.ask(); err != nil || status != want {
			t.Errorf("names of %d bytes: %d, %v, want %d", n, status, err, want)
		}
		if who := hosttest.Identities(g.fields); want == 200 && (len(who) != 1 || who[0] != "ann") {
			t.Errorf("names of %d bytes: identities %q", n, who)
		}
	}
	for n, want := range map[int]int{1<<10 - 1: 200, 1 << 10: 200, identity.MaxConnection - 1: 200, identity.MaxConnection: 200, identity.MaxConnection + 1: 401, MaxNames + 1: 401} {
		option := strings.Repeat("x", n-len(",x-auth-request-user\x00"))
		g.fields = [][2]string{{"authorization", bearer}, {"connection", option + ",x-auth-request-user"}}
		status, err := g.ask()
		if err != nil || status != want {
			t.Errorf("Connection of %d bytes: %d, %v, want %d", n, status, err, want)
		}
		if got := hosttest.Values(g.fields, "connection"); want == 200 && (len(got) != 1 || got[0] != option) {
			t.Errorf("Connection of %d bytes: %.50q", n, got)
		}
	}
}

// The plugin asks a second time only for what did not fit.
func TestHTTPWasmAsksOnce(t *testing.T) {
	bearer := "Bearer " + hosttest.RightToken
	const name = "authorization\x00"
	for _, tt := range []struct{ value, names, asks int }{
		{4<<10 - 1, 1 << 10, 2}, // with the NUL behind it, it fills the first buffer
		{4 << 10, 1 << 10, 3},
		{4<<10 - 1, 1<<10 + 1, 3},
		{4 << 10, 1<<10 + 1, 4},
	} {
		g := newFakeGateway(hosttest.Ordinary())
		g.fields = [][2]string{
			{"authorization", bearer + strings.Repeat(" ", tt.value-len(bearer))},
			{strings.Repeat("x", tt.names-len(name)-1), ""},
		}
		asks := 0
		g.guest.audit.enabled[Debug] = false // a line needs more
		host := &g.guest.host
		values, names := host.RequestValues, host.RequestNames
		host.RequestValues = func(name string, buffer []byte) (count, length uint32) { asks++; return values(name, buffer) }
		host.RequestNames = func(buffer []byte) (count, length uint32) { asks++; return names(buffer) }
		if status, err := g.ask(); err != nil || status != 200 || asks != tt.asks {
			t.Errorf("%d and %d bytes: status %d, %v, asked %d times, want %d", tt.value, tt.names, status, err, asks, tt.asks)
		}
	}
}

func TestHTTPWasmAllocatesNothing(t *testing.T) {
	for _, tt := range []struct {
		name, authorization, key string
		pass                     bool
	}{
		{"granted", "Bearer " + hosttest.RightToken, "", true},
		{"granted, Basic", basicOf(hosttest.RightToken), "", true},
		{"granted, a field", "", hosttest.RightToken, true},
		{"denied", "Bearer " + hosttest.WrongToken, "", false},
		{"denied, Basic", basicOf(hosttest.WrongToken), "", false},
		{"denied, a field", "", hosttest.WrongToken, false},
		{"denied, two", "Bearer " + hosttest.RightToken, hosttest.RightToken, false},
	} {
		g := newFakeGateway(everywhere())
		write := func(buffer []byte, text string) (count, length uint32) {
			copy(buffer, text)
			return uint32(strings.Count(text, "\x00")), uint32(len(text))
		}
		host := &g.guest.host
		host.RequestNames = func(buffer []byte) (count, length uint32) {
			return write(buffer, "Authorization\x00Connection\x00x_auth_request_user\x00")
		}
		values := map[string]string{identity.Connection: "close, x-auth-request-user\x00"}
		if tt.authorization != "" {
			values["authorization"] = tt.authorization + "\x00"
		}
		if tt.key != "" {
			values["x-api-key"] = tt.key + "\x00"
		}
		host.RequestValues = func(name string, buffer []byte) (count, length uint32) { return write(buffer, values[name]) }
		host.SetRequestField = func(string, string) {}
		host.RemoveRequestField = func(string) {}
		host.SetResponseField, host.AddResponseField = func(string, string) {}, func(string, string) {}
		host.SetStatus = func(uint32) {}
		host.Log, g.guest.audit.log = nil, func(Level, string) {}
		if pass := g.guest.HandleRequest(); pass != tt.pass {
			t.Fatalf("%s: %t", tt.name, pass)
		}
		if n := testing.AllocsPerRun(10, func() { g.guest.HandleRequest() }); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}

// The plugin asks for no field in which no token is accepted, and for all the others.
func TestHTTPWasmAsksForWhatItAccepts(t *testing.T) {
	for accept, want := range map[string]string{
		"": "authorization", "basic": "authorization", "header:X-Token": "x-token", "header:b,bearer,header:A": "authorization b a",
	} {
		g := newFakeGateway(hosttest.Configuration(&vectors.Verdict{Keyring: []byte(tokentest.KeyringLine("ann", hosttest.RightToken)), Accept: accept}))
		var asked []string
		values := g.guest.host.RequestValues
		g.guest.host.RequestValues = func(name string, buffer []byte) (count, length uint32) {
			asked = append(asked, name)
			return values(name, buffer)
		}
		g.guest.audit.enabled = [Levels]bool{}
		if status, err := g.ask(); err != nil || status != 401 || strings.Join(asked, " ") != want {
			t.Errorf("%s: %d, %v, asked for %q, want %s", accept, status, err, asked, want)
		}
	}
}

// What a host says of a field that carries a token is judged as what it says of
// Authorization.
func TestHTTPWasmTokenFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer lie
		detail string
	}{
		{"no values", lie{0, 0}, "missing"},
		{"no values of some length", lie{0, 10}, "missing"},
		{"one value of no bytes", lie{1, 0}, "malformed"},
		{"one empty value", lie{1, 1}, "missing"},
		{"zeros", lie{1, 4 << 10}, "unknown"},
		{"two values", lie{2, 2}, "malformed"},
		{"one value that is always longer", lie{1, MaxAuthorization + 2}, "malformed"},
		{"largest numbers", lie{1<<32 - 1, 1<<32 - 1}, "malformed"},
		{"largest length", lie{1, 1<<32 - 1}, "malformed"},
	} {
		g := newFakeGateway(everywhere())
		g.guest.host.RequestValues = func(name string, _ []byte) (count, length uint32) {
			if name != "x-token" {
				return 0, 0
			}
			return tt.answer.count, tt.answer.length
		}
		if status, err := g.ask(); err != nil || status != 401 || reasonOf(g.lines) != tt.detail {
			t.Errorf("%s: %d, %v, %q", tt.name, status, err, g.lines)
		}
	}
}

// What is stripped is every field in which a token is accepted, and no other.
func TestHTTPWasmStrips(t *testing.T) {
	for accept, want := range map[string]string{
		"bearer": "x-api-key", "basic": "x-api-key", "bearer,header:X-API-Key": "", "header:x-api-key": "Authorization",
	} {
		configuration := hosttest.Configuration(&vectors.Verdict{Keyring: []byte(tokentest.KeyringLine("ann", hosttest.RightToken)), Accept: accept})
		g := newFakeGateway([]byte(strings.TrimSuffix(string(configuration), "}") + `,"strip_authorization":"true"}`))
		authorization, key := "Digest x", ""
		switch {
		case strings.Contains(strings.ToLower(accept), "x-api-key"):
			key = hosttest.RightToken
		case accept == "basic":
			authorization = basicOf(hosttest.RightToken)
		default:
			authorization = "Bearer " + hosttest.RightToken
		}
		g.fields = [][2]string{{"Authorization", authorization}, {"x-api-key", key}}
		status, err := g.ask()
		var names []string
		for _, field := range g.fields {
			if field[0] != identity.User {
				names = append(names, field[0])
			}
		}
		if err != nil || status != 200 || strings.Join(names, " ") != want {
			t.Errorf("%s: %d, %v, passed on %q, want %s", accept, status, err, names, want)
		}
	}
}
