package guest

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// hand puts text in a new buffer.
func hand(r *Reactor, text string) Span {
	copy(r.Alloc(uint32(len(text))), text)
	return Span{Length: uint32(len(text))}
}

// ask hands over a value and a list of scopes in one buffer.
func ask(r *Reactor, value, scopes string, now int64) (status int32) {
	hand(r, value+scopes)
	n := uint32(len(value))
	return r.Authorize(Span{Length: n}, Span{Offset: n, Length: uint32(len(scopes))}, now)
}

func TestReactorConfigure(t *testing.T) {
	right := tokentest.KeyringLine("ann", hosttest.RightToken, "scope=read")
	for _, tt := range []struct {
		name   string
		text   string
		random io.Reader
		want   Result
		fault  string
	}{
		{"right", right, rand.Reader, Configured, ""},
		{"broken", right + "bob secret", rand.Reader, BadKeyring, "line 2"},
		{"the same token twice", right + tokentest.KeyringLine("bob", hosttest.RightToken), rand.Reader, BadKeyring, "line 2"},
		{"comments", "# secret", rand.Reader, NoToken, "no token"},
		{"nothing", "", rand.Reader, NoToken, "no token"},
		{"zeros", right, zeros{}, NoRandom, "zeros"},
		{"no randomness", right, strings.NewReader(""), NoRandom, "salt"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r Reactor
			if result := r.Configure(rand.Reader, hand(&r, right)); result != Configured {
				t.Fatal(result)
			}
			if status := ask(&r, "Bearer "+hosttest.RightToken, "", 0); status != 200 || r.Principal() != "ann" {
				t.Fatal(status, r.Failure())
			}
			text := hand(&r, tt.text)
			buffer := r.Buffer()
			if result := r.Configure(tt.random, text); result != tt.want {
				t.Errorf("%s, want %s", result, tt.want)
			}
			if len(bytes.Trim(buffer, "\x00")) > 0 || r.Buffer() != nil {
				t.Error("the buffer is not wiped, or still valid")
			}
			if (r.Failure() == "") != (tt.want == Configured) || !strings.Contains(r.Failure(), tt.fault) || strings.Contains(r.Failure(), "secret") {
				t.Errorf("failure %q", r.Failure())
			}
			if r.Principal() != "" || r.Reason() != NoReason {
				t.Errorf("principal %q and reason %d of the verdict before", r.Principal(), r.Reason())
			}
			want := int32(500)
			if tt.want == Configured {
				want = 200
			}
			if status := ask(&r, "Bearer "+hosttest.RightToken, "", 0); status != want {
				t.Errorf("status %d, want %d", status, want)
			}
		})
	}
}

// What a host points to must lie in the buffer.
func TestReactorSpans(t *testing.T) {
	keyring := tokentest.KeyringLine("ann", hosttest.RightToken)
	value := "Bearer " + hosttest.RightToken
	size := uint32(len(value))
	for _, tt := range []struct {
		span Span
		want int32
	}{
		{Span{0, size}, 200},
		{Span{0, 0}, 401},
		{Span{1<<32 - 1, 0}, 401},
		{Span{0, size - 1}, 401},
		{Span{0, size + 1}, 500},
		{Span{1, size}, 500},
		{Span{size, 1}, 500},
		{Span{1<<32 - 1, 1}, 500},
		{Span{1<<32 - 8, 16}, 500},
		{Span{1, 1<<32 - 1}, 500},
	} {
		var r Reactor
		if result := r.Configure(rand.Reader, hand(&r, keyring)); result != Configured {
			t.Fatal(result)
		}
		ask(&r, value, "", 0)
		hand(&r, value)
		if status := r.Authorize(tt.span, Span{}, 0); status != tt.want {
			t.Errorf("%+v: %d, want %d", tt.span, status, tt.want)
		}
		if tt.span.Length >= size && len(bytes.Trim(r.Buffer(), "\x00")) > 0 {
			t.Errorf("%+v: %q is left", tt.span, r.Buffer())
		}
		if tt.want == 500 && (r.Reason() != NoReason || r.Principal() != "" || !strings.Contains(r.Failure(), "buffer")) {
			t.Errorf("%+v: reason %d, principal %q, failure %q", tt.span, r.Reason(), r.Principal(), r.Failure())
		}
		// The same for the list of scopes.
		hand(&r, value)
		if status := r.Authorize(Span{Length: size}, tt.span, 0); tt.want == 500 && status != 500 || tt.want != 500 && status == 500 {
			t.Errorf("%+v for the scopes: %d", tt.span, status)
		}
	}
	n := uint32(len(keyring))
	for _, tt := range []struct {
		span Span
		want Result
	}{
		{Span{0, n}, Configured},
		{Span{0, 0}, NoToken},
		{Span{1, n}, BadBuffer},
		{Span{0, n + 1}, BadBuffer},
		{Span{n, 1}, BadBuffer},
		{Span{1<<32 - 1, 2}, BadBuffer},
		{Span{1, 1<<32 - 1}, BadBuffer},
	} {
		var r Reactor
		hand(&r, keyring)
		if result := r.Configure(rand.Reader, tt.span); result != tt.want || (result == BadBuffer) != strings.Contains(r.Failure(), "buffer") {
			t.Errorf("%+v for the keyring: %s, %q", tt.span, result, r.Failure())
		}
	}
	var r Reactor
	if status := r.Authorize(Span{}, Span{}, 0); status != 500 || r.Reason() != int32(core.Unconfigured) {
		t.Errorf("without a buffer: %d, %d", status, r.Reason())
	}
	if status := r.Authorize(Span{0, 1}, Span{}, 0); status != 500 || r.Reason() != NoReason {
		t.Errorf("without a buffer: %d, %d", status, r.Reason())
	}
}

func TestReactorLimits(t *testing.T) {
	var r Reactor
	if r.Alloc(MaxConfiguration) == nil || r.Alloc(MaxConfiguration+1) != nil || r.Buffer() != nil {
		t.Error("the buffer's limit")
	}
	if result := r.Configure(rand.Reader, hand(&r, tokentest.KeyringLine("ann", hosttest.RightToken, "scope=*"))); result != Configured {
		t.Fatal(result)
	}
	value := "Bearer " + hosttest.RightToken
	for _, tt := range []struct {
		value, scopes string
		want          int32
		reason        int32
	}{
		{value + strings.Repeat(" ", MaxAuthorization-len(value)), "", 200, int32(core.Granted)},
		{value + strings.Repeat(" ", MaxAuthorization-len(value)+1), "", 401, int32(core.Malformed)},
		{value, "a" + strings.Repeat(" ", MaxAuthorization-1), 200, int32(core.Granted)},
		{value, "a" + strings.Repeat(" ", MaxAuthorization), 500, NoReason},
		{value, " ", 403, int32(core.InsufficientScope)},
	} {
		status := ask(&r, tt.value, tt.scopes, 0)
		if status != tt.want || r.Reason() != tt.reason || (r.Principal() == "ann") != (status == 200) {
			t.Errorf("%d and %d bytes: %d, reason %d, %q", len(tt.value), len(tt.scopes), status, r.Reason(), r.Principal())
		}
		if len(bytes.Trim(r.Buffer()[:len(tt.value)], "\x00")) > 0 {
			t.Errorf("%d and %d bytes: the value is not wiped", len(tt.value), len(tt.scopes))
		}
	}
}

// What accept allows stays in force until the next call that is right, whatever
// configure does.
func TestReactorAccept(t *testing.T) {
	var r Reactor
	keyring := tokentest.KeyringLine("ann", hosttest.RightToken, "scope=read,write")
	id := strings.TrimPrefix(strings.Fields(keyring)[1], "sha256:")[:8]
	bearer, basic := "Bearer "+hosttest.RightToken, "Basic "+base64.StdEncoding.EncodeToString([]byte("ann:"+hosttest.RightToken))
	expect := func(when string, wantBearer, wantBasic int32) {
		t.Helper()
		for value, want := range map[string]int32{bearer: wantBearer, basic: wantBasic} {
			status := ask(&r, value, "", 0)
			if status != want || (r.Scopes() == "read write") != (want == 200) || (r.Key() == id) != (want == 200) {
				t.Errorf("%s, %.6s: %d, scopes %q, key %q", when, value, status, r.Scopes(), r.Key())
			}
			if len(bytes.Trim(r.Buffer(), "\x00")) > 0 {
				t.Errorf("%s, %.6s: %q is left", when, value, r.Buffer())
			}
		}
	}
	configure := func() {
		t.Helper()
		if result := r.Configure(rand.Reader, hand(&r, keyring)); result != Configured {
			t.Fatal(result)
		}
	}
	accept := func(schemes uint32, want Result) {
		t.Helper()
		if result := r.Accept(schemes); result != want || (r.Failure() == "") != (want == Configured) {
			t.Errorf("accept(%d): %s, %q", schemes, result, r.Failure())
		}
		if r.Principal()+r.Scopes()+r.Key() != "" || r.Reason() != NoReason {
			t.Errorf("accept(%d): the verdict before is still told", schemes)
		}
	}
	accept(2, Configured)
	expect("before configure", 500, 500)
	configure()
	expect("after configure", 401, 200)
	accept(3, Configured)
	expect("both", 200, 200)
	for _, schemes := range []uint32{0, 4, 5, 7, 1 << 8, 1<<8 + 1, 1 << 31, 1<<32 - 1} {
		accept(schemes, BadSchemes)
	}
	expect("after what is refused", 200, 200)
	configure()
	expect("configured again", 200, 200)
	accept(1, Configured)
	expect("Bearer", 200, 401)
	r.Configure(rand.Reader, hand(&r, "# nobody"))
	expect("without a token", 500, 500)
	configure()
	expect("at last", 200, 401)
	ask(&r, bearer, "", 0)
	r.Configure(rand.Reader, hand(&r, keyring))
	if r.Scopes()+r.Key() != "" {
		t.Errorf("scopes %q and key %q of the verdict before", r.Scopes(), r.Key())
	}
}

// The numbers are part of the ABI.
func TestReactorNumbers(t *testing.T) {
	for number, want := range []core.Reason{core.Missing, core.Malformed, core.Unknown, core.Expired, core.InsufficientScope, core.Unconfigured, core.Granted} {
		if core.Reason(number) != want {
			t.Errorf("reason %d is %s, not %s", number, core.Reason(number), want)
		}
	}
	if core.Reasons != 7 {
		t.Errorf("%d reasons", core.Reasons)
	}
	for number, want := range map[Result]string{0: "configured", -1: "bad buffer", -2: "bad keyring", -3: "no token", -4: "no randomness", -5: "bad schemes", -6: "unknown result", 1: "unknown result"} {
		if number.String() != want {
			t.Errorf("result %d is %s, not %s", int32(number), number, want)
		}
	}
	if Configured != 0 || BadBuffer != -1 || BadKeyring != -2 || NoToken != -3 || NoRandom != -4 || BadSchemes != -5 || NoReason != -1 || ABIVersion != 1 {
		t.Error("a number of the ABI has changed")
	}
	if core.Bearer != 1 || core.Basic != 2 {
		t.Error("a bit of accept has changed")
	}
}

func TestReactorVerdicts(t *testing.T) {
	vectors.Run(t, vectors.Subject{Build: vectors.Reactor, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		var r Reactor
		if v.Keyring != nil {
			r.Configure(rand.Reader, hand(&r, string(v.Keyring))) // the verdict tells
		}
		handed := hosttest.HandOver(v)
		if result := r.Accept(uint32(handed.Schemes)); result != Configured {
			return o, fmt.Errorf("accept: %s", result)
		}
		o.Status = int(ask(&r, string(handed.Value), strings.Join(v.Scopes, " "), v.Now))
		o.Principal, o.Scopes, o.Key = r.Principal(), strings.Clone(r.Scopes()), strings.Clone(r.Key())
		hosttest.Tell(v, &o)
		reason := core.Reason(r.Reason())
		if reason.String() != v.Expect.Reason || o.Status != 200 && r.Failure() != v.Expect.Reason || o.Status == 200 && r.Failure() != "" {
			err = fmt.Errorf("reason %s and failure %q, want %s", reason, r.Failure(), v.Expect.Reason)
		}
		return o, err
	}})
}

func TestReactorAllocatesNothing(t *testing.T) {
	var r Reactor
	if result := r.Configure(rand.Reader, hand(&r, tokentest.KeyringLine("ann", hosttest.RightToken, "scope=read"))); result != Configured {
		t.Fatal(result)
	}
	r.Accept(3)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+hosttest.RightToken))
	for _, value := range []string{"Bearer " + hosttest.RightToken, "Bearer " + hosttest.WrongToken, basic, "Basic", ""} {
		if n := testing.AllocsPerRun(10, func() { ask(&r, value, "", 0) }); n > 1 { // ask makes one text of two
			t.Errorf("%q: %v allocations", value, n)
		}
	}
}
