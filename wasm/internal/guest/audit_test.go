package guest

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/hearsay"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// A spoken is a request of which lines say more than the reason.
type spoken struct {
	name, method, host, uri, source string
	fields                          [][2]string
	proxy, gateway                  string // behind the reason
}

func spokens() []spoken {
	const id = "4b2fbd0a4b2fbd0a4b2fbd0a4b2fbd0a"
	long := strings.Repeat("a", 300)
	return []spoken{
		{
			"everything", "POST", "example.com:8443", "/x?token=" + hosttest.RightToken, "192.0.2.1:5000",
			[][2]string{{"x-request-id", id}, {"x-forwarded-for", "192.0.2.2, 192.0.2.3"}, {"x-real-ip", "192.0.2.4"}},
			" client=192.0.2.1 method=POST host=example.com:8443 uri=/x request_id=" + id, " client=192.0.2.4 method=POST host=example.com:8443 uri=/x request_id=" + id,
		},
		{"nothing", "", "", "", "", nil, "", ""},
		{"no address", "GET", "a", "/", "", [][2]string{{"x-forwarded-for", "unknown"}, {"x-real-ip", "me"}}, " method=GET host=a uri=/", " method=GET host=a uri=/"},
		{
			"X-Forwarded-For alone", "GET", "a", "/", "",
			[][2]string{{"X-Forwarded-For", " 2001:db8::1 , 192.0.2.3"}, {"x-forwarded-for", "192.0.2.9"}},
			" client=2001:db8::1 method=GET host=a uri=/", " client=2001:db8::1 method=GET host=a uri=/",
		},
		{"IPv6 with a port", "GET", "a", "/", "[2001:db8::1]:443", nil, " client=2001:db8::1 method=GET host=a uri=/", " client=2001:db8::1 method=GET host=a uri=/"},
		{"a unix socket", "GET", "a", "/", "@", nil, " method=GET host=a uri=/", " method=GET host=a uri=/"},
		{
			"what looks like a token", hosttest.WrongToken[:4] + strings.Repeat("x", 40), strings.Repeat("h", 40), "/?" + long, "",
			[][2]string{{"x-request-id", strings.Repeat("r", 32)}},
			` method="` + hearsay.NotShown + `" host="` + hearsay.NotShown + `" uri=/ request_id="` + hearsay.NotShown + `"`,
			` method="` + hearsay.NotShown + `" host="` + hearsay.NotShown + `" uri=/ request_id="` + hearsay.NotShown + `"`,
		},
		{
			"what could forge a line", "A B", `a"b\`, "/\xff\n level=x", "",
			[][2]string{{"x-request-id", "a=b"}},
			` method="A B" host="a\"b\\x5c" uri="/\\xff\\x0a level=x" request_id="a=b"`, ` method="A B" host="a\"b\\x5c" uri="/\\xff\\x0a level=x" request_id="a=b"`,
		},
		{
			"what is long", "GET", "a", "/" + long + "?x", "",
			[][2]string{{"x-request-id", "/" + long}},
			" method=GET host=a uri=/" + long[:255] + " request_id=/" + long[:255], " method=GET host=a uri=/" + long[:255] + " request_id=/" + long[:255],
		},
		{"a long source", "GET", "a", "/", "192.0.2.1:" + strings.Repeat("0", 300), nil, " method=GET host=a uri=/", " method=GET host=a uri=/"},
		{"an empty path", "GET", "a", "?x", "", nil, ` method=GET host=a uri=""`, ` method=GET host=a uri=""`},
		{"the first of several", "GET", "a", "/", "", [][2]string{{"x-request-id", "1"}, {"x-request-id", "2"}}, " method=GET host=a uri=/ request_id=1", " method=GET host=a uri=/ request_id=1"},
	}
}

// pseudo returns the fields of a request as Envoy has them.
func (s *spoken) pseudo(authorization string) [][2]string {
	fields := [][2]string{{":authority", s.host}, {":path", s.uri}, {":method", s.method}, {"authorization", authorization}}
	return append(fields, s.fields...)
}

// ask asks a gateway about a request.
func (s *spoken) ask(t *testing.T, g *fakeGateway, authorization string) {
	t.Helper()
	g.method, g.uri, g.source = s.method, s.uri, s.source
	g.fields = append([][2]string{{"Host", s.host}, {"authorization", authorization}}, s.fields...)
	g.lines = nil
	if _, err := g.ask(); err != nil {
		t.Fatal(err)
	}
}

// A line says of the request what the host says of it.
func TestLinesSayWhatHostsSay(t *testing.T) {
	const begin = "WARN authentication failed reason=unknown"
	for _, s := range spokens() {
		p := newFakeProxy()
		root := p.configure(hosttest.Ordinary())
		p.source, p.fields = s.source, s.pseudo("Bearer "+hosttest.WrongToken)
		if _, err := p.ask(root); err != nil || !slices.Equal(p.lines, []string{begin + s.proxy}) {
			t.Errorf("%s: the proxy logs %q, %v, want %q", s.name, p.lines, err, s.proxy)
		}
		g := newFakeGateway(hosttest.Ordinary())
		if s.ask(t, g, "Bearer "+hosttest.WrongToken); !slices.Equal(g.lines, []string{begin + s.gateway}) {
			t.Errorf("%s: the gateway logs %q, want %q", s.name, g.lines, s.gateway)
		}
	}
}

// A line is what package log/slog makes of the same, so that whatever reads the
// service's log reads it too.
func TestLinesAreTheServices(t *testing.T) {
	for _, s := range spokens() {
		g := newFakeGateway(hosttest.Ordinary())
		s.ask(t, g, "Bearer "+hosttest.WrongToken)
		var b bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey {
				return slog.Attr{}
			}
			return a
		}}))
		shown := func(value string, known bool) string { return string(hearsay.Append(nil, []byte(value), known)) }
		attributes := []any{"method", shown(s.method, false), "host", shown(s.host, hearsay.IsHost([]byte(s.host)))}
		if s.uri != "" {
			attributes = append(attributes, "uri", shown(string(hearsay.PathOf([]byte(s.uri))), false))
		}
		if logger.Warn("", attributes...); s.method == "" {
			continue // it says nothing of what is not there
		}
		if want := strings.TrimSpace(b.String()); !strings.Contains(g.lines[0], want) {
			t.Errorf("%s: logged %q, package slog writes %q", s.name, g.lines, want)
		}
	}
}

// A line names the owner of a token that is known.
func TestLinesNameTheOwner(t *testing.T) {
	keyring := tokentest.KeyringLine("ann", hosttest.RightToken, "scope=write")
	configuration := hosttest.Configuration(&vectors.Verdict{Keyring: []byte(keyring), Scopes: []string{"read"}})
	_, id, _ := strings.Cut(keyring, "sha256:")
	want := "WARN authentication failed reason=insufficient_scope principal=ann key=" + id[:8]
	p := newFakeProxy()
	p.fields = right()
	if _, err := p.ask(p.configure(configuration)); err != nil || !slices.Equal(p.lines, []string{want + " uri=/"}) {
		t.Errorf("the proxy logs %q, %v, want %q", p.lines, err, want)
	}
	g := newFakeGateway(configuration)
	g.fields = right()
	if _, err := g.ask(); err != nil || !slices.Equal(g.lines, []string{want}) {
		t.Errorf("the gateway logs %q, %v, want %q", g.lines, err, want)
	}
}

// The level says whether somebody has to act. Only http-wasm says whether a request that
// passes is to be logged.
func TestLevels(t *testing.T) {
	const denied, nobody = "WARN authentication failed reason=missing", "ERROR no usable token is configured reason=unconfigured"
	p := newFakeProxy()
	root, other := p.configure(hosttest.Ordinary()), p.configure(nil)
	for _, c := range []struct {
		root   uint32
		fields [][2]string
		want   []string
	}{{root, right()[1:], nil}, {root, nil, []string{denied}}, {other, nil, []string{nobody}}, {99, nil, []string{nobody}}} {
		p.fields, p.lines = c.fields, nil
		if _, err := p.ask(c.root); err != nil || !slices.Equal(p.lines, c.want) {
			t.Errorf("the proxy logs %q, %v, want %q", p.lines, err, c.want)
		}
	}
	for _, c := range []struct {
		configuration []byte
		fields        [][2]string
		level         Level
		want          string
	}{
		{hosttest.Ordinary(), right(), Debug, "DEBUG authentication succeeded reason=granted principal=ann key="},
		{hosttest.Ordinary(), nil, Warning, denied},
		{nil, nil, Error, nobody},
	} {
		g := newFakeGateway(c.configuration)
		g.fields = c.fields
		if _, err := g.ask(); err != nil || len(g.lines) != 1 || !strings.HasPrefix(g.lines[0], c.want) {
			t.Errorf("the gateway logs %q, %v, want %q", g.lines, err, c.want)
		}
		g = &fakeGateway{configuration: c.configuration, fields: c.fields, silent: map[Level]bool{c.level: true}}
		g.guest = NewHTTPWasm(g.host())
		if _, err := g.ask(); err != nil || len(g.lines) > 0 {
			t.Errorf("a level that is not shown: logged %q, %v", g.lines, err)
		}
	}
}

// So many lines in a second. The rest is in one line that comes with the next request,
// whatever becomes of that. What the host does to the clock makes no difference.
func TestFlood(t *testing.T) {
	p := newFakeProxy()
	root := p.configure(hosttest.Ordinary())
	g := newFakeGateway(hosttest.Ordinary())
	g.guest.audit.enabled[Debug] = false
	ask := func(fields [][2]string, now int64) {
		t.Helper()
		p.fields, p.now, g.fields, g.now = slices.Clone(fields), now, slices.Clone(fields), now
		if _, err := p.ask(root); err != nil {
			t.Fatal(err)
		}
		if _, err := g.ask(); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want int, last string) {
		t.Helper()
		for host, lines := range map[string]*[]string{"proxy": &p.lines, "gateway": &g.lines} {
			if len(*lines) != want || want > 0 && (*lines)[want-1] != last {
				t.Errorf("%s: the %s logs %d lines, want %d, the last being %s: %q", when, host, len(*lines), want, last, *lines)
			}
			*lines = nil
		}
	}
	const missing, unknown, summary = "WARN authentication failed reason=missing", "WARN authentication failed reason=unknown", "WARN more decisions than are logged one by one "
	wrong := [][2]string{{"authorization", "Bearer " + hosttest.WrongToken}}
	for _, now := range []int64{1_800_000_000, 1_800_000_001, 1_700_000_000} { // and back
		for range 500 {
			ask(nil, now)
			ask(wrong, now)
		}
		check("a flood", burst, unknown)
		ask(right()[1:], now)
		check("in the same second", 0, "")
		ask(right()[1:], now+10)
		check("a request that passes, later", 1, summary+"missing=490 unknown=490")
		ask(nil, now+10)
		check("and then", 1, missing)
		for range burst {
			ask(wrong, now+10)
		}
		check("another flood", burst-1, unknown)
		ask(nil, now+11)
		for _, lines := range []*[]string{&p.lines, &g.lines} {
			if !slices.Equal(*lines, []string{summary + "unknown=1", missing}) {
				t.Errorf("a denial, later: logged %q", *lines)
			}
			*lines = nil
		}
	}
}

// The summary of what would be errors is one, so that it is in every log that has the lines.
func TestFloodOfErrors(t *testing.T) {
	g := newFakeGateway(nil)
	g.guest.audit.enabled[Warning] = false
	g.now = 1_800_000_000
	for range burst + 2 {
		if _, err := g.ask(); err != nil {
			t.Fatal(err)
		}
	}
	g.now++
	if _, err := g.ask(); err != nil {
		t.Fatal(err)
	}
	const summary = "ERROR more decisions than are logged one by one unconfigured=2"
	if len(g.lines) != burst+2 || g.lines[burst] != summary {
		t.Errorf("logged %q", g.lines[min(burst, len(g.lines)):])
	}
}

// A host whose clock fails, always or now and then, gets no more lines than any other.
func TestFloodWithoutClock(t *testing.T) {
	for name, works := range map[string]func(i int) bool{
		"never": func(int) bool { return false }, "now and then": func(i int) bool { return i%2 == 0 },
	} {
		p := newFakeProxy()
		root := p.configure(hosttest.Ordinary())
		g := newFakeGateway(hosttest.Ordinary())
		p.now, g.now = 1_800_000_000, 1_800_000_000
		for i := range 3 * burst {
			p.noClock, g.noClock = !works(i), !works(i)
			if _, err := p.ask(root); err != nil {
				t.Fatal(err)
			}
			if _, err := g.ask(); err != nil {
				t.Fatal(err)
			}
		}
		// One window before the clock is known, and one after.
		for host, lines := range map[string][]string{"proxy": p.lines, "gateway": g.lines} {
			if len(lines) < burst || len(lines) > burst+2 {
				t.Errorf("%s: the %s logs %d lines", name, host, len(lines))
			}
		}
	}
}

// Lines at level debug, which are there only if somebody wants them, have no limit.
func TestGrantedLinesHaveNoLimit(t *testing.T) {
	g := newFakeGateway(hosttest.Ordinary())
	for range 2 * burst {
		g.fields = right()
		if _, err := g.ask(); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.lines) != 2*burst {
		t.Errorf("%d lines", len(g.lines))
	}
}

// A URI may be longer than the memory that it is asked for with at first, and a host may
// say that it is as long as it likes.
func TestLongURI(t *testing.T) {
	begin := "WARN authentication failed reason=missing method=GET"
	path := " uri=/" + strings.Repeat("x", hearsay.Most-1)
	for length, want := range map[int]string{1 << 10: path, 1<<10 + 1: path, MaxNames: path, MaxNames + 1: "", 1 << 20: ""} {
		g := newFakeGateway(hosttest.Ordinary())
		g.method, g.uri = "GET", "/"+strings.Repeat("x", length-1)
		if _, err := g.ask(); err != nil || !slices.Equal(g.lines, []string{begin + want}) {
			t.Errorf("%d bytes: logged %q, %v", length, g.lines, err)
		}
	}
	for _, length := range []uint32{1<<10 + 1, MaxNames, 1<<32 - 1} {
		g := newFakeGateway(hosttest.Ordinary())
		g.method = "GET"
		g.guest.host.URI = func([]byte) uint32 { length++; return length }
		if _, err := g.ask(); err != nil || !slices.Equal(g.lines, []string{begin}) {
			t.Errorf("a URI that has become longer: logged %q, %v", g.lines, err)
		}
	}
}

// A line says what was in the way, if the decision is not on the token.
func TestLinesSayWhy(t *testing.T) {
	long := [2]string{"connection", strings.Repeat("x", 5<<10)}
	for why, fault := range map[string]func(*fakeProxy){
		noFields:       func(p *fakeProxy) { p.pairs = []byte("garbage") },
		noClock:        func(p *fakeProxy) { p.noClock = true },
		noChange:       func(p *fakeProxy) { p.refuses = map[string]bool{"x-auth-request-user": true} },
		longConnection: func(p *fakeProxy) { p.fields = append(p.fields, long) },
	} {
		p := newFakeProxy()
		root := p.configure(hosttest.Ordinary())
		p.fields = right()
		fault(p)
		if _, err := p.ask(root); err != nil || len(p.lines) != 1 || !strings.Contains(p.lines[0], ` authentication failed reason=`) || !strings.Contains(p.lines[0], ` why="`+why+`"`) {
			t.Errorf("the proxy logs %q, %v, want %q", p.lines, err, why)
		}
	}
	for why, fault := range map[string]func(*fakeGateway){
		noClock:        func(g *fakeGateway) { g.noClock = true },
		longNames:      func(g *fakeGateway) { g.names = &lie{1, 1 << 20} },
		longConnection: func(g *fakeGateway) { g.fields = append(g.fields, long) },
	} {
		g := newFakeGateway(hosttest.Ordinary())
		g.fields = right()
		fault(g)
		if _, err := g.ask(); err != nil || len(g.lines) != 1 || !strings.Contains(g.lines[0], ` why="`+why+`"`) {
			t.Errorf("the gateway logs %q, %v, want %q", g.lines, err, why)
		}
	}
}

// No part of a token gets into a line, wherever the request carries it.
func TestLinesHaveNoToken(t *testing.T) {
	token, piece := hosttest.WrongToken, hosttest.WrongToken[:8]
	for _, fields := range [][][2]string{
		{{"authorization", "Bearer " + token}, {"authorization", "Bearer " + token}},
		{{"authorization", "Bearer " + token}, {"x-api-key", token}},
		{{"x-api-key", token}, {"x-api-key", token}, {":path", "/?token=" + token}},
		{{"authorization", "Digest " + token}, {"x-request-id", strings.ReplaceAll(token, "/", "-")}, {"x-forwarded-for", token}},
		{{"authorization", token}, {"x-real-ip", token}, {":authority", strings.ReplaceAll(token, "/", ".")}},
	} {
		p := newFakeProxy()
		root := p.configure(everywhere())
		p.fields = slices.Clone(fields)
		_, err := p.ask(root)
		g := newFakeGateway(everywhere())
		g.fields, g.uri = slices.Clone(fields), "/?"+token
		_, err2 := g.ask()
		if err != nil || err2 != nil || len(p.lines) != 1 || len(g.lines) != 1 {
			t.Fatal(err, err2, p.lines, g.lines)
		}
		for _, line := range append(p.lines, g.lines...) {
			if strings.Contains(line, piece) {
				t.Errorf("%q: logged %q", fields, line)
			}
		}
	}
}

// The longest line has room in the memory that is there from the beginning.
func TestLongestLine(t *testing.T) {
	worst := strings.Repeat(`"`, hearsay.Most)
	a := newAudit(func(Level, string) {}, func(Level) bool { return true })
	a.begin(&outcome{core.Decision{Reason: core.InsufficientScope, Principal: strings.Repeat("p", 128)}, noFields})
	for _, say := range []func([]byte){a.method, a.host, a.uri, a.requestID} {
		say([]byte("/" + worst))
	}
	a.client([]byte("[0000:0000:0000:0000:0000:ffff:255.255.255.255]:65535"))
	if a.end(); cap(a.line) != maxLine || cap(a.value) != hearsay.Most || len(a.line) < 8*hearsay.Most {
		t.Errorf("a line of %d bytes, in memory of %d and %d", len(a.line), cap(a.line), cap(a.value))
	}
}
