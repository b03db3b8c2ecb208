package guest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
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

func TestPlugin(t *testing.T) {
	var p Plugin
	expect := func(when string, token string, fields int, want core.Reason) {
		t.Helper()
		value := bearer(token)
		if d := p.Authorize(value, fields, 0); d.Reason != want {
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
	challenge, detail := p.Denial(core.InsufficientScope)
	if challenge != `Bearer error="insufficient_scope", scope="read write"` || detail != "auth_service_insufficient_scope" {
		t.Errorf("%q, %q", challenge, detail)
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
		if d := p.Authorize(bearer(hosttest.RightToken), 1, 0); d.Reason != core.Unconfigured {
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
		if d := p.Authorize(bearer(hosttest.RightToken), 1, 0); d.Reason != core.Unconfigured {
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

// What goes with a denial, by the reason for it.
func TestDenials(t *testing.T) {
	for n, tt := range [core.Reasons]denial{
		core.Missing:           {"Bearer", "auth_service_missing"},
		core.Malformed:         {"Bearer", "auth_service_malformed"},
		core.Unknown:           {"Bearer", "auth_service_unknown"},
		core.Expired:           {"Bearer", "auth_service_expired"},
		core.InsufficientScope: {`Bearer error="insufficient_scope"`, "auth_service_insufficient_scope"},
		core.Unconfigured:      {"", "auth_service_unconfigured"},
		core.Granted:           {"", "auth_service_granted"}, // is not asked for
	} {
		reason := core.Reason(n)
		var p Plugin
		if challenge, detail := p.Denial(reason); challenge != tt.challenge || detail != tt.detail {
			t.Errorf("unconfigured, %s: %q, %q", reason, challenge, detail)
		}
		if err := p.Configure(rand.Reader, hosttest.Ordinary()); err != nil {
			t.Fatal(err)
		}
		if reason == core.InsufficientScope {
			tt.challenge += `, scope="read"`
		}
		if challenge, detail := p.Denial(reason); challenge != tt.challenge || detail != tt.detail {
			t.Errorf("%s: %q, %q", reason, challenge, detail)
		}
	}
}

func TestPluginVerdicts(t *testing.T) {
	vectors.Run(t, vectors.Subject{Build: vectors.ProxyWasm, Decide: func(v *vectors.Verdict) (vectors.Outcome, error) {
		var p Plugin
		_ = p.Configure(rand.Reader, hosttest.Configuration(v)) // the verdict tells
		d := p.Authorize(bytes.Clone(hosttest.Only(v.Authorization)), len(v.Authorization), v.Now)
		return vectors.Outcome{Status: d.Status(), Reason: d.Reason.String(), Principal: d.Principal}, nil
	}})
}
