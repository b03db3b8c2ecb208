package core_test

import (
	"crypto/rand"
	"math"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

// TestKeyringDecidesOverTheSingleToken: if an entry has the single token too, the
// entry decides, even after the token itself is wiped. Without the entry, the
// single token passes again.
func TestKeyringDecidesOverTheSingleToken(t *testing.T) {
	const token = "a-token-in-both-places"
	same := entryOf("ci", token, "metrics")
	same.Expires = 100
	other := entryOf("other", "another-token")
	base := mustKeyring(t, []byte(token), nil)
	renewed := func(k *core.Keyring, entries ...core.Entry) *core.Keyring {
		t.Helper()
		k, err := k.WithEntries(rand.Reader, entries)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	for name, c := range map[string]struct {
		k         *core.Keyring
		inEntries bool
		tokens    int
		want      core.Decision
	}{
		"alone":                {base, false, 1, core.Decision{Reason: core.Granted, Principal: core.DefaultPrincipal}},
		"with others":          {renewed(base, other), false, 2, core.Decision{Reason: core.Granted, Principal: core.DefaultPrincipal}},
		"at once":              {mustKeyring(t, []byte(token), []core.Entry{other, same}), true, 2, core.Decision{Reason: core.InsufficientScope, Principal: "ci"}},
		"by its digest":        {renewed(base, same, other), true, 2, core.Decision{Reason: core.InsufficientScope, Principal: "ci"}},
		"by its digest, again": {renewed(renewed(base, same), same), true, 1, core.Decision{Reason: core.InsufficientScope, Principal: "ci"}},
		"the line removed":     {renewed(renewed(base, same), other), false, 2, core.Decision{Reason: core.Granted, Principal: core.DefaultPrincipal}},
		"no token":             {renewed(nil, same), false, 1, core.Decision{Reason: core.InsufficientScope, Principal: "ci"}},
	} {
		r := bearer(token)
		r.Scopes, r.Now = []byte("deploy"), 99
		d := c.k.Authorize(r)
		if d.Reason != c.want.Reason || d.Principal != c.want.Principal {
			t.Errorf("%s: %v of %q", name, d.Reason, d.Principal)
		}
		if c.k.TokenInEntries() != c.inEntries || c.k.Tokens() != c.tokens {
			t.Errorf("%s: in entries %t, %d tokens", name, c.k.TokenInEntries(), c.k.Tokens())
		}
		if c.inEntries {
			r.Now = 100
			if d := c.k.Authorize(r); d.Reason != core.Expired {
				t.Errorf("%s: %v at its expiry", name, d.Reason)
			}
		}
	}
}

func TestCanGrant(t *testing.T) {
	expiring := func(seconds ...int64) []core.Entry {
		var entries []core.Entry
		for i, s := range seconds {
			e := entryOf("p", string(rune('a'+i)))
			e.Expires = s
			entries = append(entries, e)
		}
		return entries
	}
	for name, c := range map[string]struct {
		k    *core.Keyring
		now  int64
		want bool
	}{
		"nil":              {nil, 0, false},
		"zero":             {new(core.Keyring), 0, false},
		"nothing":          {mustKeyring(t, nil, nil), 0, false},
		"nothing in 1969":  {mustKeyring(t, nil, nil), -1, false},
		"a token":          {mustKeyring(t, []byte("t"), nil), math.MaxInt64, true},
		"beside expired":   {mustKeyring(t, []byte("t"), expiring(5)), 5, true},
		"in an expired":    {mustKeyring(t, []byte("a"), expiring(5)), 5, false},
		"before its last":  {mustKeyring(t, nil, expiring(3, 5, 4)), 4, true},
		"at its last":      {mustKeyring(t, nil, expiring(3, 5, 4)), 5, false},
		"never":            {mustKeyring(t, nil, expiring(3, core.Never)), 5, true},
		"before 1970":      {mustKeyring(t, nil, expiring(-5)), -6, true},
		"after, then 1970": {mustKeyring(t, nil, expiring(-5)), -5, false},
	} {
		if got := c.k.CanGrant(c.now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestExpired(t *testing.T) {
	var entries []core.Entry
	for i, second := range []int64{-5, 3, 4, 4, 5, core.Never} {
		e := entryOf("p", string(rune('a'+i)))
		e.Expires = second
		entries = append(entries, e)
	}
	for now, want := range map[int64]int{-6: 0, -5: 1, 2: 1, 3: 2, 4: 4, 5: 5, 6: 5} {
		if got := mustKeyring(t, nil, entries).Expired(now); got != want {
			t.Errorf("at %d, %d tokens have expired, want %d", now, got, want)
		}
		if got := mustKeyring(t, []byte("single"), entries).Expired(now); got != want {
			t.Errorf("at %d, beside a single token, %d tokens have expired, want %d", now, got, want)
		}
	}
	if got := (*core.Keyring)(nil).Expired(0) + new(core.Keyring).Expired(0); got != 0 {
		t.Errorf("%d tokens of none have expired", got)
	}
}
