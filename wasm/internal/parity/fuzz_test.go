package parity

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"reflect"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// A native is the verifier behind the reactor's contract, made of the core
// alone: what the module must answer.
type native struct {
	keyring *core.Keyring
	schemes core.Schemes
}

func (n *native) configure(text []byte) (code int32) {
	n.keyring = nil
	entries, err := core.ParseKeyring(text)
	switch {
	case err != nil:
		return -2
	case len(entries) == 0:
		return -3
	}
	if n.keyring, err = core.NewKeyring(rand.Reader, nil, entries); err != nil {
		return -4
	}
	return 0
}

func (n *native) authorize(value, scopes []byte, now int64) vectors.Outcome {
	// Basic is decoded where it is.
	d := n.keyring.Authorize(&core.Request{Schemes: n.schemes, Authorization: bytes.Clone(value), AuthorizationCount: 1, Scopes: scopes, Now: now})
	o := vectors.Outcome{Status: d.Status(), Reason: d.Reason.String()}
	if d.Granted() {
		o.Principal, o.Scopes, o.Key = d.Principal, d.Scopes, d.Key.String()
	}
	return o
}

// compare asks both about one keyring and request, twice: a verdict must not
// depend on the one before.
func compare(t *testing.T, r *reactor, schemes core.Schemes, keyring, value, scopes []byte, now int64) error {
	t.Helper()
	n := native{schemes: schemes}
	if err := r.accept(t.Context(), schemes); err != nil {
		return err
	}
	want := n.configure(keyring)
	got, err := r.configure(t.Context(), keyring)
	switch {
	case err != nil:
		return fmt.Errorf("configure: %w", err)
	case got != want:
		return fmt.Errorf("configure: %d, want %d", got, want)
	}
	for range 2 {
		if err := compareVerdict(t, r, &n, value, scopes, now); err != nil {
			return err
		}
	}
	return nil
}

func compareVerdict(t *testing.T, r *reactor, n *native, value, scopes []byte, now int64) error {
	t.Helper()
	o, err := r.authorize(t.Context(), value, scopes, now)
	switch want := n.authorize(value, scopes, now); {
	case err != nil:
		return fmt.Errorf("authorize: %w", err)
	case !reflect.DeepEqual(o, want):
		return fmt.Errorf("authorize: %+v, want %+v", o, want)
	}
	return nil
}

// Every keyring of the tables with every Authorization value of them.
func TestReactorAgreesOnTheSeeds(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			r := newReactor(t, e)
			asked := 0
			for i, keyring := range vectors.KeyringTexts() {
				n := native{schemes: core.Schemes(1 + i%3)}
				if err := r.accept(t.Context(), n.schemes); err != nil {
					t.Fatal(err)
				}
				want := n.configure(keyring)
				if got, err := r.configure(t.Context(), keyring); err != nil || got != want {
					t.Fatalf("keyring %d: %d, %v, want %d", i, got, err, want)
				}
				for j, value := range vectors.Authorizations() {
					if !full && (i+j)%20 != 0 || len(value) > 60<<10 {
						continue
					}
					asked++
					if err := compareVerdict(t, r, &n, value, []byte("read"), 1_800_000_000); err != nil {
						t.Errorf("keyring %d, %.80q: %v", i, value, err)
					}
				}
			}
			t.Logf("%d keyrings, %d verdicts", len(vectors.KeyringTexts()), asked)
		})
	}
}

// FuzzReactor: the module decides as the native verifier does.
func FuzzReactor(f *testing.F) {
	for _, v := range vectors.Verdicts() {
		if handed := hosttest.HandOver(&v); len(v.Keyring) < 4<<10 && len(handed.Value) < 4<<10 {
			var scopes []byte
			for _, scope := range v.Scopes {
				scopes = append(append(scopes, ' '), scope...)
			}
			f.Add(v.Keyring, handed.Value, bytes.TrimSpace(scopes), v.Now, uint8(handed.Schemes-1))
		}
	}
	r := newReactor(f, quickest())
	f.Fuzz(func(t *testing.T, keyring, value, scopes []byte, now int64, schemes uint8) {
		if len(keyring) > 1<<20 || len(value) > 32<<10 || len(scopes) > 32<<10 {
			t.Skip("more than the module takes")
		}
		if err := compare(t, r, core.Schemes(1+schemes%3), keyring, value, scopes, now); err != nil {
			t.Fatal(err)
		}
	})
}
