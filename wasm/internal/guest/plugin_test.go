package guest

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// zeros is a random source of a host that has none.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func bearer(token string) []byte { return []byte("Bearer " + token) }

func rightRequest() *core.Request {
	return &core.Request{Authorization: bearer(hosttest.RightToken), AuthorizationCount: 1}
}

func TestPlugin(t *testing.T) {
	var p Plugin
	expect := func(when string, token string, fields int, want core.Reason) {
		t.Helper()
		value := bearer(token)
		if d := p.Authorize(&core.Request{Authorization: value, AuthorizationCount: fields}, 0); d.Reason != want {
			t.Errorf("%s: %s, want %s", when, d.Reason, want)
		}
		if len(bytes.Trim(value, "\x00")) > 0 {
			t.Errorf("%s: the value is not wiped", when)
		}
	}
	configure := func(configuration string) {
		t.Helper()
		if err := p.Configure(rand.Reader, []byte(configuration)); err != nil {
			t.Fatal(err)
		}
	}
	line := strings.TrimSpace(tokentest.KeyringLine("ann", hosttest.RightToken, "scope=read"))
	expect("before", hosttest.RightToken, 1, core.Unconfigured)
	configure(`{"keyring":["` + line + `"],"scope":["read"],"strip_authorization":true}`)
	if !p.StripsAuthorization() {
		t.Error("it does not strip")
	}
	expect("right", hosttest.RightToken, 1, core.Granted)
	expect("wrong", hosttest.WrongToken, 1, core.Unknown)
	expect("two fields", hosttest.RightToken, 2, core.Malformed)
	expect("longest", strings.Repeat("x", MaxAuthorization-len("Bearer ")), 1, core.Unknown)
	expect("too long", strings.Repeat("x", MaxAuthorization-len("Bearer ")+1), 1, core.Malformed)

	configure(`{"keyring":"` + line + `","scope":["read","write"]}`)
	if p.StripsAuthorization() {
		t.Error("it strips")
	}
	expect("lacking", hosttest.RightToken, 1, core.InsufficientScope)
	challenges, detail := p.Denial(core.InsufficientScope)
	if !slices.Equal(challenges, []string{`Bearer error="insufficient_scope", scope="read write"`}) || detail != "auth_service_insufficient_scope" {
		t.Errorf("%q, %q", challenges, detail)
	}
	configure(`{"keyring":"` + line + `"}`)
	expect("no scope needed", hosttest.RightToken, 1, core.Granted)

	p.Wipe()
	expect("wiped", hosttest.RightToken, 1, core.Unconfigured)
	expect("wiped, too long", strings.Repeat("x", MaxAuthorization), 1, core.Unconfigured)
}

// A configuration that is refused takes the former one out of force.
func TestPluginRefuses(t *testing.T) {
	bad := hosttest.BadConfigurations()
	bad["the same token twice"] = `{"keyring":["` + strings.TrimSpace(tokentest.KeyringLine("ann", "a")) + `","` + strings.TrimSpace(tokentest.KeyringLine("bob", "a")) + `"]}`
	for name, configuration := range bad {
		var p Plugin
		if err := p.Configure(rand.Reader, hosttest.Ordinary()); err != nil {
			t.Fatal(err)
		}
		err := p.Configure(rand.Reader, []byte(configuration))
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
		if d := p.Authorize(rightRequest(), 0); d.Reason != core.Unconfigured {
			t.Errorf("%s: %s", name, d.Reason)
		}
	}
	var p Plugin
	err := p.Configure(rand.Reader, []byte(`{"keyring":["ann sha256:x"]}`))
	if _, ok := errors.AsType[*ConfigurationError](err); !ok || !strings.Contains(err.Error(), "the configuration's keyring: ") || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("%v", err)
	}
	if err := p.Configure(rand.Reader, []byte(`{"keyring":"# nobody"}`)); !errors.Is(err, errNoToken) {
		t.Errorf("%v", err)
	}
}

// Without randomness there is no keyring.
func TestPluginNeedsRandomness(t *testing.T) {
	for name, random := range map[string]io.Reader{"zeros": zeros{}, "an error": iotest.ErrReader(errors.New("broken")), "too little": strings.NewReader("x")} {
		var p Plugin
		if err := p.Configure(random, hosttest.Ordinary()); err == nil {
			t.Errorf("%s: no error", name)
		}
		if d := p.Authorize(rightRequest(), 0); d.Reason != core.Unconfigured {
			t.Errorf("%s: %s", name, d.Reason)
		}
	}
}

func TestCheckedRandom(t *testing.T) {
	for _, tt := range []struct {
		source io.Reader
		ok     bool
	}{
		{strings.NewReader("\x00\x00\x00\x01"), true},
		{strings.NewReader("\x01\x00\x00\x00"), true},
		{iotest.OneByteReader(strings.NewReader("\x00\x00\x01\x00")), true},
		{strings.NewReader("\x00\x00\x00\x00"), false},
		{strings.NewReader("\x01\x01\x01"), false},
		{iotest.ErrReader(errors.New("broken")), false},
	} {
		if n, err := CheckedRandom(tt.source).Read(make([]byte, 4)); (err == nil) != tt.ok || tt.ok && n != 4 {
			t.Errorf("%d, %v, want %t", n, err, tt.ok)
		}
	}
}

// A token may come in any of the places that the configuration names. Whatever held it
// is wiped, and what Basic was decoded into too.
func TestPluginAccept(t *testing.T) {
	var p Plugin
	line := strings.TrimSpace(tokentest.KeyringLine("ann", hosttest.RightToken))
	if err := p.Configure(rand.Reader, []byte(`{"keyring":["`+line+`"],"accept":"basic,header:X-API-Key"}`)); err != nil {
		t.Fatal(err)
	}
	if a := p.Accept(); a.Schemes != core.Basic || !slices.Equal(a.Fields, []string{"x-api-key"}) {
		t.Errorf("%+v", a)
	}
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, tt := range []struct {
		name, authorization, token string
		want                       core.Reason
	}{
		{"Basic", basic("ann:" + hosttest.RightToken), "", core.Granted},
		{"a wrong password", basic("ann:" + hosttest.WrongToken), "", core.Unknown},
		{"Bearer", "Bearer " + hosttest.RightToken, "", core.Malformed},
		{"a field", "", hosttest.RightToken, core.Granted},
		{"a field and Basic", basic("ann:" + hosttest.RightToken), hosttest.RightToken, core.Malformed},
		{"a field and Bearer, which is not looked at", "Bearer " + hosttest.WrongToken, hosttest.RightToken, core.Granted},
		{"a field that is too long", "", strings.Repeat("x", MaxAuthorization+1), core.Malformed},
		{"the longest field", "", strings.Repeat("x", MaxAuthorization), core.Unknown},
	} {
		r := core.Request{Schemes: p.Accept().Schemes, Authorization: []byte(tt.authorization)}
		if tt.authorization != "" {
			r.AuthorizationCount = 1
		}
		if tt.token != "" {
			r.AddField(0, []byte(tt.token))
		}
		if d := p.Authorize(&r, 0); d.Reason != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, d.Reason, tt.want)
		}
		if left := string(r.Authorization) + string(r.Token); strings.Trim(left, "\x00") != "" {
			t.Errorf("%s: %q is left", tt.name, left)
		}
	}
}

// What a backend is told.
func TestPluginTell(t *testing.T) {
	line := strings.TrimSpace(tokentest.KeyringLine("ann", hosttest.RightToken, "scope=a,b"))
	id := strings.TrimPrefix(strings.Fields(line)[1], "sha256:")[:8]
	user, scopes, key := "x-auth-request-user: ann", "x-auth-request-scopes: a b", "x-auth-request-key: "+id
	for configuration, want := range map[string][]string{
		"": {user}, `,"identity":"user"`: {user}, `,"identity":["key"]`: {user, key}, `,"identity":["scopes"]`: {user, scopes},
		`,"identity":["key","user","scopes"]`: {user, scopes, key},
	} {
		var p Plugin
		if err := p.Configure(rand.Reader, []byte(`{"keyring":["`+line+`"]`+configuration+`}`)); err != nil {
			t.Fatal(err)
		}
		d := p.Authorize(rightRequest(), 0)
		for stop := range len(want) + 1 {
			var got []string
			done := p.Tell(d, func(name, value string) bool {
				got = append(got, name+": "+value)
				return len(got) <= stop
			})
			if done != (stop == len(want)) || !slices.Equal(got, want[:min(stop+1, len(want))]) {
				t.Errorf("%s: %q, %t, though it fails after %d", configuration, got, done, stop)
			}
		}
	}
}

// What goes with a denial, by the reason for it.
func TestDenials(t *testing.T) {
	for n, tt := range [core.Reasons]struct {
		detail                     string
		bearer, basic, both, realm []string
	}{
		core.Missing:   {"missing", []string{"Bearer"}, []string{basicChallenge}, []string{basicChallenge, "Bearer"}, []string{`Basic realm="r", charset="UTF-8"`, `Bearer realm="r"`}},
		core.Malformed: {"malformed", []string{"Bearer"}, []string{basicChallenge}, []string{basicChallenge, "Bearer"}, []string{`Basic realm="r", charset="UTF-8"`, `Bearer realm="r"`}},
		core.Unknown:   {"unknown", []string{"Bearer"}, []string{basicChallenge}, []string{basicChallenge, "Bearer"}, []string{`Basic realm="r", charset="UTF-8"`, `Bearer realm="r", error="invalid_token"`}},
		core.Expired:   {"expired", []string{"Bearer"}, []string{basicChallenge}, []string{basicChallenge, "Bearer"}, []string{`Basic realm="r", charset="UTF-8"`, `Bearer realm="r", error="invalid_token"`}},
		core.InsufficientScope: {
			"insufficient_scope",
			[]string{`Bearer error="insufficient_scope", scope="a b"`},
			nil,
			[]string{`Bearer error="insufficient_scope", scope="a b"`},
			[]string{`Bearer realm="r", error="insufficient_scope", scope="a b"`},
		},
		core.Unconfigured: {detail: "unconfigured"},
		core.Granted:      {detail: "granted"}, // is not asked for
	} {
		reason := core.Reason(n)
		line := strings.TrimSpace(tokentest.KeyringLine("ann", hosttest.RightToken))
		for more, want := range map[string][]string{
			``: tt.bearer, `,"accept":["basic"]`: tt.basic, `,"accept":["bearer","basic"]`: tt.both, `,"accept":["bearer","basic"],"realm":"r"`: tt.realm,
			`,"accept":["header:a"]`: nil, `,"accept":["header:a"],"realm":"r"`: nil,
		} {
			var p Plugin
			if err := p.Configure(rand.Reader, []byte(`{"keyring":["`+line+`"],"scope":["a","b"]`+more+`}`)); err != nil {
				t.Fatal(err)
			}
			if challenges, detail := p.Denial(reason); !slices.Equal(challenges, want) || detail != "auth_service_"+tt.detail {
				t.Errorf("%s, %s: %q, %q", more, reason, challenges, detail)
			}
		}
		var p Plugin
		if reason == core.InsufficientScope {
			tt.bearer = []string{`Bearer error="insufficient_scope"`}
		}
		if challenges, detail := p.Denial(reason); !slices.Equal(challenges, tt.bearer) || detail != "auth_service_"+tt.detail {
			t.Errorf("unconfigured, %s: %q, %q", reason, challenges, detail)
		}
	}
}

const basicChallenge = `Basic realm="auth-service", charset="UTF-8"`

func TestPluginVerdicts(t *testing.T) {
	vectors.Run(t, vectors.Subject{Build: vectors.ProxyWasm, Decide: func(v *vectors.Verdict) (vectors.Outcome, error) {
		var p Plugin
		_ = p.Configure(rand.Reader, hosttest.Configuration(v)) // the verdict tells
		head, ok := ReadHead(hosttest.EncodePairs(hosttest.RequestFields(v)), p.Accept())
		if !ok {
			return vectors.Outcome{}, errors.New("the fields cannot be read")
		}
		d := p.Authorize(&head.Request, v.Now)
		o := vectors.Outcome{Status: d.Status(), Reason: d.Reason.String(), Principal: d.Principal}
		if d.Granted() {
			o.Scopes, o.Key = d.Scopes, d.Key.String()
			hosttest.Tell(v, &o)
			return o, nil
		}
		challenges, _ := p.Denial(d.Reason)
		return o, hosttest.CheckDenial(v, challenges)
	}})
}
