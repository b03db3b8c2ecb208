package core_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/concrete-security/auth-service/core"
)

func mustKeyring(tb testing.TB, token []byte, entries []core.Entry) *core.Keyring {
	tb.Helper()
	k, err := core.NewKeyring(rand.Reader, token, entries)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func entryOf(principal, token string, scopes ...string) core.Entry {
	return core.Entry{
		Principal:  principal,
		Credential: core.CredentialOf([]byte(token)),
		Scopes:     scopes,
		Expires:    core.Never,
	}
}

func bearer(token string) *core.Request {
	return &core.Request{Authorization: []byte("Bearer " + token), AuthorizationCount: 1}
}

func TestNewKeyringReadsThreeSalts(t *testing.T) {
	errRandom := errors.New("no entropy")
	tests := []struct {
		name   string
		random io.Reader
		left   int // bytes that must not have been read
		want   error
	}{
		{"exactly three salts", bytes.NewReader(make([]byte, 3*core.SaltSize)), 0, nil},
		{"one byte more", bytes.NewReader(make([]byte, 3*core.SaltSize+1)), 1, nil},
		{"one byte less", bytes.NewReader(make([]byte, 3*core.SaltSize-1)), 0, io.ErrUnexpectedEOF},
		{"one salt", bytes.NewReader(make([]byte, core.SaltSize)), 0, io.EOF},
		{"two salts", bytes.NewReader(make([]byte, 2*core.SaltSize)), 0, io.EOF},
		{"nothing", bytes.NewReader(nil), 0, io.EOF},
		{"byte by byte", iotest.OneByteReader(bytes.NewReader(make([]byte, 3*core.SaltSize))), 0, nil},
		{"an error", iotest.ErrReader(errRandom), 0, errRandom},
		{"an error in the second salt", io.MultiReader(bytes.NewReader(make([]byte, core.SaltSize+1)), iotest.ErrReader(errRandom)), 0, errRandom},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, err := core.NewKeyring(tt.random, []byte("token"), []core.Entry{entryOf("p", "other")})
			if !errors.Is(err, tt.want) || (k == nil) != (err != nil) {
				t.Fatalf("keyring %p, error %v, want error %v", k, err, tt.want)
			}
			if left, _ := io.ReadAll(tt.random); err == nil && len(left) != tt.left {
				t.Errorf("%d bytes left, want %d", len(left), tt.left)
			}
		})
	}
}

func TestNewKeyringRefusesDuplicates(t *testing.T) {
	one, other := entryOf("one", "token"), entryOf("other", "token", "a")
	many := make([]core.Entry, 1000)
	for i := range many {
		many[i] = one
	}
	wiped := []core.Entry{entryOf("one", "a"), entryOf("other", "b")}
	core.WipeEntries(wiped)
	for name, entries := range map[string][]core.Entry{
		"twice":           {one, other},
		"apart":           {one, entryOf("x", "x"), entryOf("y", "y"), other},
		"a thousandfold":  many,
		"wiped before it": wiped,
	} {
		k, err := core.NewKeyring(rand.Reader, nil, entries)
		if k != nil || !errors.Is(err, core.ErrDuplicateCredential) {
			t.Errorf("%s: keyring %p, error %v", name, k, err)
		}
		if err != nil && strings.Contains(err.Error(), "token") {
			t.Errorf("%s: the error tells more than a principal: %v", name, err)
		}
	}
}

// The keyring is its own: what it was made of may change or be wiped.
func TestNewKeyringKeepsNothing(t *testing.T) {
	token := []byte("single")
	scopes := []string{"read"}
	entries := []core.Entry{{Principal: "p", Credential: core.CredentialOf([]byte("token")), Scopes: scopes, Expires: core.Never}}
	before := slices.Clone(entries)
	k := mustKeyring(t, token, entries)
	if string(token) != "single" || entries[0].Credential != before[0].Credential {
		t.Fatal("NewKeyring changed what it was made of")
	}
	clear(token)
	scopes[0] = "write"
	core.WipeEntries(entries)
	entries[0] = core.Entry{}

	r := bearer("token")
	r.Scopes = []byte("read")
	if d := k.Authorize(r); d.Reason != core.Granted || d.Principal != "p" {
		t.Errorf("the entry: %v", d)
	}
	if d := k.Authorize(bearer("single")); d.Reason != core.Granted || d.Principal != core.DefaultPrincipal {
		t.Errorf("the token: %v", d)
	}
	r.Scopes = []byte("write")
	if d := k.Authorize(r); d.Reason != core.InsufficientScope {
		t.Errorf("a scope that was never given: %v", d)
	}
}

func TestPrincipals(t *testing.T) {
	k := mustKeyring(t, []byte("single"), []core.Entry{
		entryOf("alice", "alice-1"), entryOf("bob", "bob"), entryOf("alice", "alice-2"), entryOf("default", "default-2"),
	})
	if got, want := k.Principals(), []string{"default", "alice", "bob"}; !slices.Equal(got, want) {
		t.Errorf("principals %q, want %q", got, want)
	}
	if k.Tokens() != 5 || !k.Usable() {
		t.Errorf("%d tokens, usable %t", k.Tokens(), k.Usable())
	}
	for token, owner := range map[string]int{"single": 0, "default-2": 0, "alice-1": 1, "alice-2": 1, "bob": 2} {
		if d := k.Authorize(bearer(token)); !d.Granted() || d.Owner != owner || k.Principals()[d.Owner] != d.Principal {
			t.Errorf("%s: %v, want owner %d", token, d, owner)
		}
	}
	if k := mustKeyring(t, nil, []core.Entry{entryOf("alice", "a")}); k.Tokens() != 1 || !slices.Equal(k.Principals(), []string{"alice"}) {
		t.Errorf("%d tokens of %q", k.Tokens(), k.Principals())
	}
}

// TestToken: what a keyring tells of a token is what the token is granted as.
func TestToken(t *testing.T) {
	expiring := entryOf("bob", "bob-1", "read", "write")
	expiring.Expires = 1000
	entries := []core.Entry{expiring, entryOf("alice", "alice-1"), entryOf("alice", "alice-2", core.AnyScope)}
	for i := range 100 {
		entries = append(entries, entryOf(fmt.Sprint("p", i), fmt.Sprint("p-", i)))
	}
	for _, single := range [][]byte{nil, []byte("single")} {
		k := mustKeyring(t, single, entries)
		want := map[string]core.TokenInfo{}
		for i, token := range append([]string{"bob-1", "alice-1", "alice-2"}, tokensOf("p-", 100)...) {
			e := &entries[i]
			want[token] = core.TokenInfo{Principal: e.Principal, Key: e.Credential.KeyID(), Scopes: strings.Join(e.Scopes, " "), Expires: e.Expires}
		}
		if single != nil {
			want["single"] = core.TokenInfo{Principal: core.DefaultPrincipal, Scopes: core.AnyScope, Expires: core.Never}
		}
		seen := map[int]bool{}
		for token, info := range want {
			d := k.Authorize(bearer(token))
			if got := k.Token(d.Token); !d.Granted() || got != info {
				t.Errorf("%s: token %d is %+v, want %+v", token, d.Token, got, info)
			}
			seen[d.Token] = true
		}
		if len(seen) != k.Tokens() {
			t.Errorf("%d tokens have %d indices", k.Tokens(), len(seen))
		}
	}
}

// tokensOf returns tokens that differ by a number.
func tokensOf(prefix string, n int) (tokens []string) {
	for i := range n {
		tokens = append(tokens, fmt.Sprint(prefix, i))
	}
	return tokens
}

// AnyScope is every scope only where it stands alone.
func TestAnyScopeAlone(t *testing.T) {
	k := mustKeyring(t, nil, []core.Entry{entryOf("p", "alone", core.AnyScope), entryOf("p", "beside", core.AnyScope, "read")})
	for token, want := range map[string]core.Reason{"alone": core.Granted, "beside": core.InsufficientScope} {
		r := bearer(token)
		r.Scopes = []byte("write")
		if d := k.Authorize(r); d.Reason != want {
			t.Errorf("%s: %v, want %v", token, d, want)
		}
	}
}

func TestWipedKeyringDenies(t *testing.T) {
	k := mustKeyring(t, []byte("single"), []core.Entry{entryOf("p", "token")})
	k.Wipe()
	k.Wipe()
	for _, token := range []string{"single", "token", "", "\x00"} {
		if d := k.Authorize(bearer(token)); d.Reason != core.Unconfigured {
			t.Errorf("%q: %v", token, d)
		}
	}
	if k.Usable() || k.Tokens() != 0 {
		t.Errorf("%d tokens, usable %t", k.Tokens(), k.Usable())
	}
}

// What a keyring file holds is no token, in whatever form, even where both
// salts are the same: some WebAssembly hosts' randomness is of that kind.
func TestCredentialIsNoToken(t *testing.T) {
	const token = "a-token"
	raw := sha256.Sum256([]byte(token))
	digits := hex.EncodeToString(raw[:])
	again := sha256.Sum256(raw[:])
	for name, random := range map[string]io.Reader{"random": rand.Reader, "constant": bytes.NewReader(make([]byte, 3*core.SaltSize))} {
		k, err := core.NewKeyring(random, []byte("single"), []core.Entry{entryOf("p", token, core.AnyScope)})
		if err != nil {
			t.Fatal(err)
		}
		for form, value := range map[string]string{
			"raw": string(raw[:]), "hexadecimal": digits, "upper case": strings.ToUpper(digits),
			"prefixed": "sha256:" + digits, "hashed again": string(again[:]), "empty": "",
		} {
			if d := k.Authorize(bearer(value)); d.Granted() {
				t.Errorf("%s salts: the credential in the form %s passes", name, form)
			}
		}
		if d := k.Authorize(bearer(token)); !d.Granted() {
			t.Errorf("%s salts: the token: %v", name, d)
		}
	}
}

// Nor does the credential of the empty token let anybody in, should a caller
// have made such an entry.
func TestEmptyTokenNeverPasses(t *testing.T) {
	k := mustKeyring(t, nil, []core.Entry{entryOf("p", "", core.AnyScope)})
	for _, value := range []string{"", " ", "Bearer", "Bearer ", "Bearer \t ", "bearer\t"} {
		d := k.Authorize(&core.Request{Authorization: []byte(value), AuthorizationCount: 1})
		if d.Reason != core.Missing && d.Reason != core.Malformed {
			t.Errorf("%q: %v", value, d)
		}
	}
}

func TestFields(t *testing.T) {
	k := mustKeyring(t, []byte("single"), nil)
	for fields, want := range map[int]core.Reason{0: core.Missing, 1: core.Granted, 2: core.Malformed, 3: core.Malformed, math.MaxInt: core.Malformed} {
		r := bearer("single")
		r.AuthorizationCount = fields
		if d := k.Authorize(r); d.Reason != want {
			t.Errorf("%d fields: %v, want %v", fields, d, want)
		}
	}
	r := bearer("single")
	r.AuthorizationCount = -1 // a caller that has lost count
	if d := k.Authorize(r); d.Granted() {
		t.Errorf("-1 fields: %v", d)
	}
}

// Run with -race: a keyring serves many at a time.
func TestConcurrentVerdicts(t *testing.T) {
	k := mustKeyring(t, []byte("single"), []core.Entry{entryOf("p", "token", "read")})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 200 {
				token, want := "token", core.Granted
				if i%2 == 0 {
					token, want = "wrong", core.Unknown
				}
				if d := k.Authorize(bearer(token)); d.Reason != want {
					t.Errorf("%s: %v", token, d)
				}
			}
		})
	}
	group.Wait()
}

func TestExpiries(t *testing.T) {
	const now = 1000
	at := func(principal, token string, expires int64) core.Entry {
		e := entryOf(principal, token)
		e.Expires = expires
		return e
	}
	entries := []core.Entry{
		at("rotating", "a1", 900), at("rotating", "a2", 3000), at("rotating", "a3", 2000), at("rotating", "a4", core.Never),
		at("gone", "b1", 800), at("gone", "b2", now), at("gone", "b3", 1),
		at("renewed", "c1", 900), at("renewed", "c2", core.Never),
		at("eternal", "d1", core.Never),
		at("due", "e1", now+1), at(core.DefaultPrincipal, "f1", 1500),
	}
	due := map[string]int64{"rotating": 2000, "gone": now, "due": now + 1, core.DefaultPrincipal: 1500}
	// A salt decides in which order the two are looked at, so there are many of them.
	for i := range 16 {
		p := fmt.Sprint("just-expired-", i)
		entries = append(entries, at(p, p+"1", now), at(p, p+"2", 2000))
		due[p] = 2000
	}
	if got := mustKeyring(t, nil, entries).Expiries(now); !maps.Equal(got, due) {
		t.Errorf("%v, want %v", got, due)
	}
	delete(due, core.DefaultPrincipal) // the single token does not expire
	if got := mustKeyring(t, []byte("single"), entries).Expiries(now); !maps.Equal(got, due) {
		t.Errorf("with a single token: %v, want %v", got, due)
	}
	if got := (*core.Keyring)(nil).Expiries(now); len(got) != 0 {
		t.Errorf("of none: %v", got)
	}
}

// A keyring takes no name that a header field or a list of scopes could mistake for
// something else: two scopes in one would pass for two.
func TestInvalidNames(t *testing.T) {
	good := entryOf("good", "good", "read", "write")
	for _, bad := range []core.Entry{
		entryOf("", "bad"), entryOf("a b", "bad"), entryOf("a\r\nX-Auth-Request-User: root", "bad"),
		entryOf("p", "bad", "read,write"), entryOf("p", "bad", ""), entryOf("p", "bad", "read", "a b"),
	} {
		k, err := core.NewKeyring(rand.Reader, nil, []core.Entry{good, bad})
		if k != nil || err == nil || !strings.HasPrefix(err.Error(), "entries[1]: a ") {
			t.Errorf("%q: %v", bad, err)
		}
		before := mustKeyring(t, []byte("single"), nil)
		if k, err := before.WithEntries(rand.Reader, []core.Entry{bad}); k != nil || err == nil {
			t.Errorf("%q beside a token: %v", bad, err)
		}
	}
}
