package guest

import (
	"crypto/rand"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// Whatever the fields are, the plugin grants what the core grants.
func FuzzProxyWasm(f *testing.F) {
	for _, v := range vectors.Forwards() {
		f.Add(hosttest.EncodePairs(hosttest.Pairs(v.Request)))
	}
	f.Add(hosttest.EncodePairs(right()))
	for _, fields := range inOtherPlaces(&vectors.Forwards()[0]) {
		f.Add(hosttest.EncodePairs(fields))
	}
	keyring := vectors.Forwards()[0].Keyring
	entries, err := core.ParseKeyring(keyring)
	if err != nil {
		f.Fatal(err)
	}
	k, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		f.Fatal(err)
	}
	p := newFakeProxy()
	root := p.configure(fuzzed())
	f.Fuzz(func(t *testing.T, pairs []byte) {
		p.fields, _ = all(pairs)
		p.pairs = append([]byte{}, pairs...)
		status, err := p.ask(root)
		if err != nil {
			t.Fatal(err)
		}
		checkLines(t, p.lines)
		p.lines, p.guest.audit.written = nil, 0
		if status != 200 {
			return
		}
		checkPassed(t, k, decoded(pairs), p.fields)
	})
}

// checkLines checks that a line has only characters that disturb no terminal, and that
// it is not long.
func checkLines(t *testing.T, lines []string) {
	t.Helper()
	for _, line := range lines {
		if len(line) > maxLine || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("logged %q", line)
		}
	}
}

// fuzzed is the configuration that is fuzzed, which accepts a token in every place.
func fuzzed() []byte {
	v := vectors.Verdict{Keyring: vectors.Forwards()[0].Keyring, Accept: "bearer,basic,header:X-API-Key,header:X-Token", Identity: "user,scopes,key"}
	return hosttest.Configuration(&v)
}

// checkPassed compares the fields that are passed on with what the core decides on those
// that came.
func checkPassed(t *testing.T, k *core.Keyring, came, passed [][2]string) {
	t.Helper()
	r := core.Request{Schemes: core.Bearer | core.Basic}
	for _, value := range hosttest.Values(came, "authorization") {
		r.Authorization = []byte(value)
		r.AuthorizationCount++
	}
	for i, name := range []string{"x-api-key", "x-token"} {
		for _, value := range hosttest.Values(came, name) {
			r.AddField(i, []byte(value))
		}
	}
	d := k.Authorize(&r)
	got := hosttest.Passed(passed)
	if want := (vectors.Outcome{Status: 200, Principal: d.Principal, Scopes: d.Scopes, Key: d.Key.String()}); !d.Granted() || !reflect.DeepEqual(got, want) {
		t.Fatalf("granted %+v, want %s, %+v", got, d.Reason, want)
	}
}

// inOtherPlaces returns the fields of requests with the token of a forward elsewhere.
func inOtherPlaces(f *vectors.Forward) (requests [][][2]string) {
	token := strings.TrimPrefix(hosttest.Values(hosttest.Pairs(f.Request), "authorization")[0], "Bearer ")
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("a:"+token))
	return [][][2]string{
		{{"authorization", basic}},
		{{"X-API-Key", token}},
		{{"x-token", token}, {"x-api-key", " "}, {"authorization", "Digest x"}},
		{{"x-token", token}, {"authorization", basic}},
		{{"x-token", token}, {"x-token", token}},
	}
}

func decoded(pairs []byte) [][2]string {
	list, _ := all(pairs)
	return list
}

// Whatever a host says of a request, the plugin grants what the core grants, and
// passes on one identity.
func FuzzHTTPWasm(f *testing.F) {
	for _, v := range vectors.Forwards() {
		var fields string
		for _, field := range v.Request {
			fields += field[0] + "\x00" + field[1] + "\x00"
		}
		f.Add(fields)
	}
	forward := vectors.Forwards()[0]
	for _, request := range inOtherPlaces(&forward) {
		var fields string
		for _, field := range request {
			fields += field[0] + "\x00" + field[1] + "\x00"
		}
		f.Add(fields)
	}
	entries, err := core.ParseKeyring(forward.Keyring)
	if err != nil {
		f.Fatal(err)
	}
	k, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		f.Fatal(err)
	}
	g := newFakeGateway(fuzzed())
	f.Fuzz(func(t *testing.T, fields string) {
		texts := strings.Split(fields, "\x00")
		g.fields = nil
		for i := 0; i+1 < len(texts); i += 2 {
			g.fields = append(g.fields, [2]string{texts[i], texts[i+1]})
		}
		came := g.fields
		g.uri, g.method, g.source = fields, fields, fields
		status, err := g.ask()
		if err != nil {
			t.Fatal(err)
		}
		checkLines(t, g.lines)
		g.lines, g.guest.audit.written = nil, 0
		if status != 200 {
			return
		}
		checkPassed(t, k, came, g.fields)
	})
}
