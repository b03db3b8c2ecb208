package core_test

import (
	"testing"

	"github.com/concrete-security/auth-service/core"
)

func TestReasons(t *testing.T) {
	tests := []struct {
		reason core.Reason
		word   string
		status int
	}{
		{core.Missing, "missing", 401},
		{core.Malformed, "malformed", 401},
		{core.Unknown, "unknown", 401},
		{core.Expired, "expired", 401},
		{core.InsufficientScope, "insufficient_scope", 403},
		{core.Unconfigured, "unconfigured", 500},
		{core.Granted, "granted", 200},
		{core.Granted + 1, "invalid", 401},
		{255, "invalid", 401},
	}
	if len(tests)-2 != core.Reasons {
		t.Errorf("%d reasons here, %d in the package", len(tests)-2, core.Reasons)
	}
	for _, tt := range tests {
		d := core.Decision{Reason: tt.reason}
		if tt.reason.String() != tt.word || d.Status() != tt.status {
			t.Errorf("reason %d: %q, %d, want %q, %d", tt.reason, tt.reason, d.Status(), tt.word, tt.status)
		}
		if d.Granted() != (tt.reason == core.Granted) {
			t.Errorf("reason %q: granted %t", tt.reason, d.Granted())
		}
	}
}

func TestZeroValuesDeny(t *testing.T) {
	var d core.Decision
	if d.Granted() || d.Status() != 401 {
		t.Errorf("the zero Decision is %v", d)
	}
	var none *core.Keyring
	for _, k := range []*core.Keyring{none, {}, mustKeyring(t, nil, nil), mustKeyring(t, []byte{}, []core.Entry{})} {
		if k.Usable() || k.Tokens() != 0 || len(k.Principals()) != 0 {
			t.Errorf("%v: usable %t, %d tokens, principals %q", k, k.Usable(), k.Tokens(), k.Principals())
		}
		for _, authorization := range []string{"", "Bearer ", "Bearer x", "Basic x"} {
			d := k.Authorize(&core.Request{Authorization: []byte(authorization), AuthorizationCount: 1})
			if (d != core.Decision{Reason: core.Unconfigured}) {
				t.Errorf("%q: %v", authorization, d)
			}
		}
		k.Wipe()
	}
	// An entry that was never filled in has expired, whoever may have its token.
	k := mustKeyring(t, nil, []core.Entry{{Principal: "p", Credential: core.CredentialOf([]byte("x"))}})
	if d := k.Authorize(&core.Request{Authorization: []byte("Bearer x"), AuthorizationCount: 1}); d.Reason != core.Expired {
		t.Errorf("an entry without an expiry: %v", d)
	}
}

// The challenge names the scopes that the verdict asks for, where they are valid.
func TestChallengeScopes(t *testing.T) {
	for list, want := range map[string]string{
		"":              `Bearer error="insufficient_scope"`,
		" \t":           `Bearer error="insufficient_scope"`,
		"a":             `Bearer error="insufficient_scope", scope="a"`,
		"a\tb":          `Bearer error="insufficient_scope", scope="a b"`,
		"\t a  \t b \t": `Bearer error="insufficient_scope", scope="a b"`,
		"a \"\x00 b":    `Bearer error="insufficient_scope", scope="a b"`,
		"a\r\nX: y":     `Bearer error="insufficient_scope", scope="y"`,
		"* a,b":         `Bearer error="insufficient_scope", scope="*"`,
	} {
		d := core.Decision{Reason: core.InsufficientScope}
		if got := string(d.AppendChallenge([]byte("before "), []byte(list))); got != "before "+want {
			t.Errorf("%q: %s", list, got)
		}
	}
}
