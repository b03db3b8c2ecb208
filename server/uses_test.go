package server

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// owned is a keyring of tokens by their principals.
func owned(t *testing.T, single string, tokens ...[2]string) *core.Keyring {
	t.Helper()
	text := ""
	for _, pt := range tokens {
		text += tokentest.EntryLine(core.Entry{Principal: pt[0], Credential: core.CredentialOf([]byte(pt[1])), Expires: core.Never})
	}
	return newKeyring(t, single, text)
}

// numbered is a keyring of n tokens t0, t1, … of so many principals p0, p1, ….
func numbered(t *testing.T, n, principals int) *core.Keyring {
	t.Helper()
	entries := make([]core.Entry, n)
	for i := range entries {
		entries[i] = core.Entry{
			Principal: fmt.Sprint("p", i%principals), Credential: core.CredentialOf(fmt.Append(nil, "t", i)), Expires: 2000 + int64(i),
		}
	}
	k, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestUsesByToken tells the tokens of one principal apart, before and after a reload.
func TestUsesByToken(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		var now atomic.Int64
		now.Store(1000)
		clock := func() time.Time { return time.Unix(now.Load(), 0) }
		r := start(t, en, owned(t, "single", [2]string{"ann", "old"}, [2]string{"ann", "new"}, [2]string{"default", "entry"}), Options{Measure: true, Now: clock})
		c := r.dial(t)
		for _, token := range []string{"old", "old", "new", "single", "entry", "entry", "wrong"} {
			ask(t, c, asked(token, ""))
		}
		ask(t, c, asked("new", "?scope=x")) // it is known, and denied
		want := []Uses{
			{"ann", keyOf("new"), 1, 1000},
			{"ann", keyOf("old"), 2, 1000},
			{"default", "-", 1, 1000},
			{"default", keyOf("entry"), 2, 1000},
		}
		check := func() {
			t.Helper()
			slices.SortFunc(want, func(a, b Uses) int { return strings.Compare(a.Principal+a.Key, b.Principal+b.Key) })
			if got := r.Stats(); !slices.Equal(got.Uses, want) || got.Detail != ByToken {
				t.Errorf("detail %d: %v, want %v", got.Detail, got.Uses, want)
			}
		}
		check()
		// One token stays with its principal, one goes to another, one is new.
		r.SetKeyring(owned(t, "single", [2]string{"ann", "new"}, [2]string{"bob", "old"}, [2]string{"ann", "newer"}))
		now.Store(3000)
		enginetest.Await(t, "the clock", func() bool {
			ask(t, c, asked("newer", ""))
			return r.Stats().Uses[usesIndex(r.Stats().Uses, "ann", keyOf("newer"))].Last == 3000
		})
		newer := r.Stats().Uses[usesIndex(r.Stats().Uses, "ann", keyOf("newer"))]
		want = []Uses{{"ann", keyOf("new"), 1, 1000}, newer, {"bob", keyOf("old"), 0, 0}, {"default", "-", 1, 1000}}
		check()
		// What was forgotten does not come back.
		r.SetKeyring(owned(t, "", [2]string{"ann", "old"}))
		want = []Uses{{"ann", keyOf("old"), 0, 0}}
		check()
	})
}

func usesIndex(list []Uses, principal, key string) int {
	return slices.IndexFunc(list, func(u Uses) bool { return u.Principal == principal && u.Key == key })
}

// TestUsesAreBounded: a large keyring is counted by principal, and a larger one in one
// sum. The log says so once.
func TestUsesAreBounded(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r := start(t, enginetest.Kinds()[1], numbered(t, MaxTold, MaxTold), Options{Measure: true, Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return time.Unix(1000, 0) }})
	c := r.dial(t)
	use := func(tokens ...string) {
		t.Helper()
		for _, token := range tokens {
			if got := status(ask(t, c, asked(token, ""))); got != "200" {
				t.Fatalf("%s: status %s", token, got)
			}
		}
	}
	use("t7", "t7", "t8")
	if s := r.Stats(); s.Detail != ByToken || len(s.Uses) != MaxTold || len(s.Expiries) != MaxTold || log.Len() > 0 {
		t.Errorf("detail %d, %d uses, %d expiries\n%s", s.Detail, len(s.Uses), len(s.Expiries), log.String())
	}

	for range 2 { // the log says it once
		r.SetKeyring(numbered(t, MaxTold+1, MaxTold))
	}
	use("t7", "t1000") // t1000 is p0's
	s := r.Stats()
	if s.Detail != ByPrincipal || len(s.Uses) != MaxTold || len(s.Expiries) != MaxTold {
		t.Errorf("detail %d, %d uses, %d expiries", s.Detail, len(s.Uses), len(s.Expiries))
	}
	for principal, want := range map[string]uint64{"p0": 1, "p7": 3, "p8": 1, "p9": 0} {
		if u := s.Uses[usesIndex(s.Uses, principal, "")]; u.Count != want || (u.Last == 1000) != (want > 0) {
			t.Errorf("%s: %+v, want %d", principal, u, want)
		}
	}
	if n := strings.Count(log.String(), "there are more than 1000 tokens"); n != 1 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}

	r.SetKeyring(numbered(t, 100_000, 100_000))
	use("t99999")
	s = r.Stats()
	if s.Detail != InSum || !slices.Equal(s.Uses, []Uses{{"", "", 6, 1000}}) || len(s.Expiries) != 1 || s.Expiries[""] != 2000 || s.Unexpired != 100_000 {
		t.Errorf("detail %d: %v, expiries %v, %d not expired", s.Detail, s.Uses, s.Expiries, s.Unexpired)
	}
	if !strings.Contains(log.String(), "there are more than 1000 principals") {
		t.Error(log.String())
	}

	// From here on, more is told than before, so the counts begin again.
	r.SetKeyring(numbered(t, 2, 2))
	use("t1")
	if got, want := r.Stats().Uses, []Uses{{"p0", keyOf("t0"), 0, 0}, {"p1", keyOf("t1"), 1, 1000}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestExpiriesInSum: of many principals, the next expiry is told, or the last.
func TestExpiriesInSum(t *testing.T) {
	t.Parallel()
	const n = MaxTold + 1
	k := numbered(t, n, n) // they expire from 2000 to 2000+n-1
	for now, want := range map[int64]int64{1999: 2000, 2000: 2001, 2000 + n - 2: 2000 + n - 1, 2000 + n - 1: 2000 + n - 1, 9999: 2000 + n - 1} {
		if got := expiries(k, now); len(got) != 1 || got[""] != want {
			t.Errorf("at %d: %v, want %d", now, got, want)
		}
	}
	entries := []core.Entry{{Principal: "forever", Credential: core.CredentialOf([]byte("forever")), Expires: core.Never}}
	for i := range n {
		entries = append(entries, core.Entry{Principal: fmt.Sprint("p", i), Credential: core.CredentialOf(fmt.Append(nil, i)), Expires: 1})
	}
	k, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		t.Fatal(err)
	}
	if got := expiries(k, 1000); len(got) != 0 {
		t.Errorf("of one that never expires: %v", got)
	}
}

// TestSameKeyID: two tokens of a principal that have one key id are counted as one.
func TestSameKeyID(t *testing.T) {
	t.Parallel()
	entries := []core.Entry{{Principal: "p", Expires: core.Never}, {Principal: "p", Expires: core.Never}}
	for i := range entries {
		entries[i].Credential[31] = byte(i + 1)
	}
	k, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		t.Fatal(err)
	}
	s := New(k, Options{Measure: true, Logger: slog.New(slog.DiscardHandler)})
	c := s.nextCurrent()
	for i, n := range []int{2, 3} {
		for range n {
			c.tally.measured(core.Decision{Reason: core.Granted, Token: i}, int64(10*n), 0)
		}
	}
	if got, want := s.Stats().Uses, []Uses{{"p", "00000000", 5, 30}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	s.SetKeyring(nil)
	if got := s.Stats(); len(got.Uses) != 0 {
		t.Errorf("%v", got.Uses)
	}
}

// TestTokens: tokens are told in order, and of a large keyring the first.
func TestTokens(t *testing.T) {
	t.Parallel()
	s := New(nil, Options{Logger: slog.New(slog.DiscardHandler)})
	if got := s.Tokens(); len(got) != 0 {
		t.Errorf("of none: %v", got)
	}
	for _, n := range []int{1, 3, MaxTold, MaxTold + 1, 2 * MaxTold, 2*MaxTold + 1, 30_000} {
		var want []string
		for i := range n {
			want = append(want, fmt.Sprint("p", i%777)+" "+keyOf(fmt.Sprint("t", i)))
		}
		slices.Sort(want)
		want = want[:min(n, MaxTold)]
		s.SetKeyring(numbered(t, n, 777))
		for range 2 {
			var got []string
			for _, token := range s.Tokens() {
				got = append(got, token.Principal+" "+token.Key.String())
			}
			if !slices.Equal(got, want) {
				t.Errorf("of %d: %d tokens from %v on, want %d from %v on", n, len(got), got[:1], len(want), want[:1])
			}
		}
	}
}

// TestCarry: the uses of a principal are not those of its token without a key id.
func TestCarry(t *testing.T) {
	t.Parallel()
	single := user{principal: core.DefaultPrincipal}
	for from, want := range map[Detail]uint64{ByToken: 5, ByPrincipal: 0, InSum: 0} {
		l := ledger{detail: ByToken, earlier: map[user]uses{single: {}}}
		l.carry(&ledger{detail: from, earlier: map[user]uses{single: {5, 1000}}})
		if got := l.earlier[single].count; got != want {
			t.Errorf("from %d: %d, want %d", from, got, want)
		}
	}
}
