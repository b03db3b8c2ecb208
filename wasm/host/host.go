// Package host embeds the verifier's reactor module in a Go program, by
// package wazero, without cgo. It is for proxies that want the verifier in a
// sandbox, or want to exchange it without being built anew; a program that
// wants neither calls package core.
//
// The caller brings the module's bytes. They are compiled once and run in as
// many instances as there are requests at a time.
//
// Whatever goes wrong denies: every error comes with the zero [Decision].
package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/concrete-security/auth-service/core"
)

// Options are how a module runs. The zero value is for production.
type Options struct {
	// Cache keeps compiled code between processes or verifiers, or is nil. It
	// is used, not closed. Compiling takes most of a second otherwise.
	Cache wazero.CompilationCache
	// Interpreter runs the module without compiling it: a verdict takes some
	// fifty times as long, and starting a seventh.
	Interpreter bool
	// Instances is the largest number of instances, of a few megabytes each,
	// and so of verdicts at a time: as many as there are processors if it is
	// zero. Further requests wait for one.
	Instances int
}

// A Decision is the verdict on one request. Its zero value denies.
type Decision struct {
	// Status is the HTTP status code that answers the request: 200, 401, 403,
	// or 500 if there is no keyring.
	Status int
	// Principal is whose token it was if Status is 200.
	Principal string
	// Reason is a word for why the request is denied, for logs.
	Reason string
}

// Granted reports whether the request may pass.
func (d Decision) Granted() bool { return d.Status == 200 && d.Principal != "" }

// A KeyringError is what is wrong with a keyring. It quotes nothing of it.
type KeyringError struct{ Reason string }

func (e *KeyringError) Error() string { return "the keyring: " + e.Reason }

// keyring is the text of a keyring, by its address: which one an instance has.
type keyring struct{ text []byte }

// A Verifier decides on requests by instances of a module. It denies
// everything until it is configured. Its methods may be called by any number
// of goroutines.
type Verifier struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	config   wazero.ModuleConfig
	keyring  atomic.Pointer[keyring]
	slots    chan struct{} // one for each instance that is in use
	done     chan struct{}

	configuring sync.Mutex // held by Configure and Close, before mu

	mu     sync.Mutex
	idle   []*instance
	closed bool
}

var (
	errClosed = errors.New("the verifier is closed")
	errScope  = errors.New("a scope that is not 1 to 64 printable ASCII characters without quote, comma and backslash")
)

// Compile compiles a reactor module and makes its first instance, so that a
// module that does not run is an error here. ctx is for the duration of the
// call. The verifier must be closed.
func Compile(ctx context.Context, module []byte, options Options) (v *Verifier, err error) {
	config := wazero.NewRuntimeConfigCompiler()
	if options.Interpreter {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	if options.Cache != nil {
		config = config.WithCompilationCache(options.Cache)
	}
	if options.Instances <= 0 {
		options.Instances = runtime.GOMAXPROCS(0)
	}
	made := &Verifier{
		runtime: wazero.NewRuntimeWithConfig(ctx, config),
		// No arguments, environment, files or output. The random source is for
		// the salt; wazero's own, like its clock, is made up.
		config: wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").
			WithRandSource(rand.Reader).WithSysWalltime().WithSysNanotime(),
		slots: make(chan struct{}, options.Instances),
		done:  make(chan struct{}),
	}
	defer func() {
		if err != nil {
			v, err = nil, errors.Join(err, made.runtime.Close(ctx))
		}
	}()
	if _, err = wasi_snapshot_preview1.Instantiate(ctx, made.runtime); err != nil {
		return nil, err
	}
	if made.compiled, err = made.runtime.CompileModule(ctx, module); err != nil {
		return nil, fmt.Errorf("compiling the module: %w", err)
	}
	i, err := made.instantiate(ctx)
	if err != nil {
		return nil, err
	}
	made.idle = append(made.idle, i)
	return made, nil
}

// Configure takes the text of a keyring. When it returns without an error,
// every request that comes is decided by this keyring. After an error, a
// [*KeyringError] if the text is at fault, the former keyring stays in force.
// The text is kept, not changed; it must not change.
func (v *Verifier) Configure(ctx context.Context, text []byte) error {
	if len(text) > maxKeyring {
		return &KeyringError{Reason: fmt.Sprintf("it is longer than %d bytes", maxKeyring)}
	}
	k := &keyring{text: text}
	v.configuring.Lock()
	defer v.configuring.Unlock()
	if v.isClosed() {
		return errClosed
	}
	// Requests that come in the meantime keep their instances.
	i, err := v.instantiate(ctx)
	if err != nil {
		return err
	}
	if err := i.load(ctx, k); err != nil {
		return errors.Join(err, i.module.Close(ctx))
	}
	v.keyring.Store(k)
	v.put(ctx, i)
	return nil
}

// Authorize decides on a request: the values of all its Authorization fields,
// the scopes that it needs, now. A scope that is none is an error.
func (v *Verifier) Authorize(ctx context.Context, authorization []string, scopes ...string) (Decision, error) {
	return v.AuthorizeAt(ctx, time.Now(), authorization, scopes...)
}

// AuthorizeAt is [Verifier.Authorize] at another time.
func (v *Verifier) AuthorizeAt(ctx context.Context, now time.Time, authorization []string, scopes ...string) (Decision, error) {
	k := v.keyring.Load()
	if k == nil && !v.isClosed() {
		return Decision{Status: 500, Reason: "unconfigured"}, nil
	}
	value := ""
	switch len(authorization) {
	case 0:
	case 1:
		value = authorization[0]
	default: // nobody can say which of them another program would read
		return Decision{Status: 401, Reason: "malformed"}, nil
	}
	for _, scope := range scopes {
		if !core.ValidScope(scope) {
			return Decision{}, errScope
		}
	}
	required := strings.Join(scopes, " ")
	if len(value)+len(required) > maxRequest {
		return Decision{Status: 401, Reason: "malformed"}, nil
	}
	select {
	case v.slots <- struct{}{}:
		defer func() { <-v.slots }()
	case <-ctx.Done():
		return Decision{}, ctx.Err()
	case <-v.done:
		return Decision{}, errClosed
	}
	i, err := v.take(ctx, k)
	if err != nil {
		return Decision{}, err
	}
	d, err := i.decide(ctx, value, required, now.Unix())
	if err != nil {
		// Whatever state it is in, it is not used again.
		return Decision{}, errors.Join(fmt.Errorf("asking for a verdict: %w", err), i.module.Close(ctx))
	}
	v.put(ctx, i)
	return d, nil
}

// take returns an instance that has k.
func (v *Verifier) take(ctx context.Context, k *keyring) (i *instance, err error) {
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		return nil, errClosed
	}
	if n := len(v.idle); n > 0 {
		i, v.idle = v.idle[n-1], v.idle[:n-1]
	}
	v.mu.Unlock()
	if i == nil {
		if i, err = v.instantiate(ctx); err != nil {
			return nil, err
		}
	}
	if i.keyring == k {
		return i, nil
	}
	if err := i.load(ctx, k); err != nil {
		return nil, errors.Join(fmt.Errorf("configuring an instance: %w", err), i.module.Close(ctx))
	}
	return i, nil
}

// put keeps an instance for the next request, or closes it if there are enough.
func (v *Verifier) put(ctx context.Context, i *instance) {
	v.mu.Lock()
	keep := !v.closed && len(v.idle) < cap(v.slots)
	if keep {
		v.idle = append(v.idle, i)
	}
	v.mu.Unlock()
	if !keep {
		_ = i.module.Close(ctx) // it has no files or sockets whose closing could fail
	}
}

func (v *Verifier) instantiate(ctx context.Context) (*instance, error) {
	module, err := v.runtime.InstantiateModule(ctx, v.compiled, v.config)
	if err != nil {
		return nil, fmt.Errorf("making an instance: %w", err)
	}
	i, err := newInstance(module)
	if err != nil {
		return nil, errors.Join(err, module.Close(ctx))
	}
	return i, nil
}

// Close waits for the requests that are being decided and frees all that the
// verifier has. Further requests are denied with an error.
func (v *Verifier) Close(ctx context.Context) error {
	v.configuring.Lock()
	defer v.configuring.Unlock()
	v.mu.Lock()
	closed := v.closed
	v.closed, v.idle = true, nil
	v.mu.Unlock()
	if closed {
		return nil
	}
	for range cap(v.slots) {
		v.slots <- struct{}{}
	}
	close(v.done)
	return v.runtime.Close(ctx)
}

func (v *Verifier) isClosed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.closed
}
