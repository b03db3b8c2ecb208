package parity

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/wasm/internal/guest"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// A reactor is an instance of the reactor module, by its exports alone.
type reactor struct {
	module api.Module
	calls  wasiCalls
}

func newReactor(tb testing.TB, e *engine) *reactor {
	tb.Helper()
	calls := wasiCalls{}
	r := e.open(tb, calls)
	config := wazero.NewModuleConfig().WithName("").WithRandSource(rand.Reader)
	return &reactor{module: instantiate(tb.Context(), tb, r, modules.Reactor(tb), config), calls: calls}
}

func (r *reactor) call(ctx context.Context, name string, arguments ...uint64) (uint64, error) {
	results, err := r.module.ExportedFunction(name).Call(ctx, arguments...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	if len(results) == 0 {
		return 0, nil
	}
	return results[0], nil
}

// text reads what principal, scopes, key and last_error return.
func (r *reactor) text(ctx context.Context, name string) (string, error) {
	result, err := r.call(ctx, name)
	if err != nil || result == 0 {
		return "", err
	}
	b, ok := r.module.Memory().Read(uint32(result>>32), uint32(result))
	if !ok {
		return "", fmt.Errorf("%s: %x lies outside the memory", name, result)
	}
	return string(b), nil
}

// hand writes b to a new buffer of the module.
func (r *reactor) hand(ctx context.Context, b []byte) (at uint64, err error) {
	at, err = r.call(ctx, "alloc", uint64(len(b)))
	if err != nil {
		return 0, err
	}
	if at == 0 || !r.module.Memory().Write(uint32(at), b) {
		return 0, fmt.Errorf("no buffer of %d bytes: %d", len(b), at)
	}
	return at, nil
}

func (r *reactor) configure(ctx context.Context, keyring []byte) (code int32, err error) {
	at, err := r.hand(ctx, keyring)
	if err != nil {
		return 0, err
	}
	result, err := r.call(ctx, "configure", at, uint64(len(keyring)))
	return int32(result), err
}

func (r *reactor) accept(ctx context.Context, schemes core.Schemes) error {
	code, err := r.call(ctx, "accept", uint64(schemes))
	if err == nil && code != 0 {
		err = fmt.Errorf("accept(%d): %d", schemes, int32(code))
	}
	return err
}

// authorize asks for a verdict; the reason of a denial is the failure's text.
func (r *reactor) authorize(ctx context.Context, value, scopes []byte, now int64) (o vectors.Outcome, err error) {
	at, err := r.hand(ctx, append(bytes.Clone(value), scopes...))
	if err != nil {
		return o, err
	}
	n := uint64(len(value))
	status, err := r.call(ctx, "authorize", at, n, at+n, uint64(len(scopes)), uint64(now))
	if err != nil {
		return o, err
	}
	left, _ := r.module.Memory().Read(uint32(at), uint32(n))
	if len(bytes.Trim(left, "\x00")) > 0 {
		return o, fmt.Errorf("the Authorization bytes are not wiped")
	}
	o.Status = int(int32(status))
	for name, to := range map[string]*string{"principal": &o.Principal, "scopes": &o.Scopes, "key": &o.Key, "last_error": &o.Reason} {
		if *to, err = r.text(ctx, name); err != nil {
			return o, err
		}
	}
	if o.Status == 200 && o.Reason == "" {
		o.Reason = "granted"
	}
	number, err := r.call(ctx, "reason")
	if err != nil {
		return o, err
	}
	return o, checkReason(int32(number), o)
}

// checkReason compares the number of a reason with the status and the word.
func checkReason(number int32, o vectors.Outcome) error {
	if number == guest.NoReason && o.Status == 500 && o.Reason != core.Unconfigured.String() {
		return nil // the host has broken the ABI, and the word says how
	}
	if number < 0 || int(number) >= core.Reasons || core.Reason(number).String() != o.Reason || core.Reason(number).Status() != o.Status {
		return fmt.Errorf("reason %d of status %d, %s", number, o.Status, o.Reason)
	}
	return nil
}

// reactorSubject answers vectors by an instance for each configuration.
func reactorSubject(t *testing.T, e *engine) vectors.Subject {
	t.Helper()
	var r *reactor
	configuration := ""
	return vectors.Subject{Build: vectors.Reactor, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		if r == nil || v.Configuration != configuration {
			r, configuration = newReactor(t, e), v.Configuration
			if v.Keyring != nil {
				// Keyrings without a token are refused; that is the verdict's
				// to tell.
				if _, err := r.configure(t.Context(), v.Keyring); err != nil {
					return o, err
				}
			}
		}
		handed := hosttest.HandOver(v)
		if err := r.accept(t.Context(), handed.Schemes); err != nil {
			return o, err
		}
		o, err = r.authorize(t.Context(), handed.Value, []byte(strings.Join(v.Scopes, " ")), v.Now)
		hosttest.Tell(v, &o)
		if err == nil && o.Reason != v.Expect.Reason {
			err = fmt.Errorf("reason %s, want %s", o.Reason, v.Expect.Reason)
		}
		return o, err
	}}
}
