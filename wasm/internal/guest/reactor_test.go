package guest

import (
	"bytes"
	"crypto/rand"
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
	for number, want := range map[Result]string{0: "configured", -1: "bad buffer", -2: "bad keyring", -3: "no token", -4: "no randomness", -5: "unknown result", 1: "unknown result"} {
		if number.String() != want {
			t.Errorf("result %d is %s, not %s", int32(number), number, want)
		}
	}
	if Configured != 0 || BadBuffer != -1 || BadKeyring != -2 || NoToken != -3 || NoRandom != -4 || NoReason != -1 || ABIVersion != 1 {
		t.Error("a number of the ABI has changed")
	}
}

func TestReactorVerdicts(t *testing.T) {
	vectors.Run(t, vectors.Subject{Build: vectors.Reactor, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		var r Reactor
		if v.Keyring != nil {
			r.Configure(rand.Reader, hand(&r, string(v.Keyring))) // the verdict tells
		}
		o.Status = int(ask(&r, string(hosttest.Only(v.Authorization)), strings.Join(v.Scopes, " "), v.Now))
		o.Principal = r.Principal()
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
	for _, value := range []string{"Bearer " + hosttest.RightToken, "Bearer " + hosttest.WrongToken, "Basic", ""} {
		if n := testing.AllocsPerRun(10, func() { ask(&r, value, "", 0) }); n > 1 { // ask makes one text of two
			t.Errorf("%q: %v allocations", value, n)
		}
	}
}
