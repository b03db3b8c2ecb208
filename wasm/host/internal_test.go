package host

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// older returns the reactor without the export that older modules do not have.
func older(t *testing.T) []byte {
	t.Helper()
	module := modules.Reactor(t)
	export, other := []byte("\x06reason\x00"), []byte("\x06raison\x00") // length, name, and that it is a function
	if !bytes.Contains(module, export) {
		t.Fatal("the module does not export reason")
	}
	return bytes.ReplaceAll(module, export, other) // elsewhere it is a name of a field
}

// An older module says by a word why it denies.
func TestOlderModule(t *testing.T) {
	v, err := Compile(t.Context(), older(t), Options{Interpreter: true})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close(context.Background())
	if v.idle[0].reason != nil {
		t.Fatal("the module still exports reason")
	}
	keyring := tokentest.KeyringLine("ann", "a-token", "scope=read") + tokentest.KeyringLine("bob", "b-token", "expires=2020-01-01T00:00:00Z")
	if err := v.Configure(t.Context(), []byte(keyring)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		authorization, scope string
		want                 core.Decision
	}{
		{"Bearer a-token", "read", core.Decision{Reason: core.Granted, Principal: "ann"}},
		{"Bearer a-token", "write", core.Decision{Reason: core.InsufficientScope}},
		{"Bearer b-token", "read", core.Decision{Reason: core.Expired}},
		{"Bearer c-token", "read", core.Decision{Reason: core.Unknown}},
		{"Basic a-token", "read", core.Decision{Reason: core.Malformed}},
		{"", "read", core.Decision{Reason: core.Missing}},
	} {
		if d, err := v.Authorize(t.Context(), []string{tt.authorization}, tt.scope); err != nil || d != tt.want {
			t.Errorf("%q: %+v, %v, want %+v", tt.authorization, d, err, tt.want)
		}
	}
}

func TestReasonOf(t *testing.T) {
	for _, tt := range []struct {
		status int
		word   string
		want   core.Reason
	}{
		{200, "", core.Granted},
		{401, "missing", core.Missing},
		{401, "expired", core.Expired},
		{401, "a word of a later module", core.Unknown},
		{401, "granted", core.Unknown},
		{401, "insufficient_scope", core.Unknown},
		{403, "", core.InsufficientScope},
		{500, "a text", core.Unconfigured},
	} {
		if r, err := reasonOf(tt.status, tt.word); err != nil || r != tt.want {
			t.Errorf("%d %q: %v, %v, want %v", tt.status, tt.word, r, err, tt.want)
		}
	}
	for _, status := range []int{-1, 0, 204, 400, 404} {
		if r, err := reasonOf(status, "granted"); err == nil || r == core.Granted {
			t.Errorf("%d: %v, %v", status, r, err)
		}
	}
}

// Close waits for requests, though no longer than its context, and can be tried
// again. Whatever comes of it, nothing is granted.
func TestCloseHeedsItsContext(t *testing.T) {
	for name, hold := range map[string]func(*Verifier) chan struct{}{
		"a request":       func(v *Verifier) chan struct{} { return v.slots },
		"a configuration": func(v *Verifier) chan struct{} { return v.configuring },
	} {
		t.Run(name, func(t *testing.T) {
			v, err := Compile(t.Context(), modules.Reactor(t), Options{Interpreter: true, Instances: 2})
			if err != nil {
				t.Fatal(err)
			}
			keyring := []byte(tokentest.KeyringLine("ann", "a-token"))
			if err := v.Configure(t.Context(), keyring); err != nil {
				t.Fatal(err)
			}
			held := hold(v)
			held <- struct{}{}
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				if err := v.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Close while it goes on: %v", err)
				}
				cancel()
				if d, err := v.Authorize(t.Context(), []string{"Bearer a-token"}); !errors.Is(err, errClosed) || d.Status() != 500 {
					t.Errorf("%+v, %v", d, err)
				}
			}
			if name == "a configuration" {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				defer cancel()
				if err := v.Configure(ctx, keyring); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Configure beside another: %v", err)
				}
			}
			<-held
			for range 2 {
				if err := v.Close(t.Context()); err != nil {
					t.Errorf("Close afterwards: %v", err)
				}
			}
			if err := v.Configure(t.Context(), keyring); !errors.Is(err, errClosed) {
				t.Errorf("Configure afterwards: %v", err)
			}
		})
	}
}

// A result that says nothing about the keyring is not the keyring's fault.
func TestConfigureWithoutRandomness(t *testing.T) {
	v, err := Compile(t.Context(), modules.Reactor(t), Options{Interpreter: true})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close(context.Background())
	v.config = v.config.WithRandSource(zeros{})
	err = v.Configure(t.Context(), []byte(tokentest.KeyringLine("ann", "a-token")))
	if _, ok := errors.AsType[*KeyringError](err); err == nil || ok || !strings.Contains(err.Error(), "no randomness") {
		t.Errorf("%v", err)
	}
	v.config = v.config.WithRandSource(rand.Reader)
	if err := v.Configure(t.Context(), []byte(tokentest.KeyringLine("ann", "a-token"))); err != nil {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
