// Package host runs the verifier's reactor module in a Go program, with package
// wazero and without cgo. It is for programs that want the verifier in a sandbox, or
// want to replace it without being rebuilt. Any other program uses package guard.
//
// The caller brings the module's bytes. They are compiled once, and run in as many
// instances as there are requests at a time.
//
// Whatever goes wrong denies: with an error comes a Decision whose status is 500.
package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/middleware"
	"github.com/concrete-security/auth-service/wasm/internal/guest"
)

// Options say how a module runs. The zero Options are for production.
type Options struct {
	// Cache keeps compiled code between processes or verifiers. Without a cache,
	// compiling takes most of a second. The verifier uses the cache and does not
	// close it.
	Cache wazero.CompilationCache
	// Interpreter runs the module without compiling it. A verdict then takes some
	// fifty times as long, but the start takes a seventh of the time.
	Interpreter bool
	// Instances is the largest number of instances, of a few megabytes each, and so
	// of verdicts at a time. Further requests wait for one. If it is zero, there are
	// as many as processors.
	Instances int
	// Accept says where a request may carry a token; see [core.ParseAccept]. The
	// default is an Authorization field, as Bearer. For Basic the module must export
	// accept.
	Accept core.Accept
	// Realm is what the challenges of [Verifier.Handler] name; see [core.CheckRealm].
	// The default is none, and for Basic [core.DefaultRealm].
	Realm string
	// Identity says what [Verifier.Handler] tells the next handler of the owner of a
	// token; see [core.ParseIdentity]. The default is the principal alone. For the
	// scopes and the key id the module must export scopes and key.
	Identity core.Identity
	// Now is the clock that tells whether a token has expired. The default is
	// [time.Now].
	Now func() time.Time
}

// denied comes with every error.
var denied = core.Decision{Reason: core.Unconfigured}

// A KeyringError says what is wrong with a keyring. It quotes nothing of the text.
type KeyringError struct {
	// Reason has a line for each of the first wrong lines, or says what is wrong with
	// the whole.
	Reason string
}

// Error returns the reason.
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
	options  Options
	keyring  atomic.Pointer[keyring]
	slots    chan struct{} // one for each instance that is in use
	done     chan struct{} // closed when closed is set

	// configuring is full while Configure or Close runs. Whoever holds it may lock mu.
	configuring chan struct{}
	drained     int  // the slots that Close has taken; for who holds configuring
	released    bool // the runtime is closed; for who holds configuring

	mu     sync.Mutex
	idle   []*instance
	closed bool
}

var errClosed = errors.New("the verifier is closed")

// Compile compiles a reactor module and makes its first instance, so that a
// module that does not run is an error here, and so is one that cannot do what the
// options ask for. ctx is for the duration of the
// call. The verifier must be closed.
func Compile(ctx context.Context, module []byte, options Options) (v *Verifier, err error) {
	if options.Realm != "" {
		if err := core.CheckRealm(options.Realm); err != nil {
			return nil, err
		}
	}
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
	if options.Now == nil {
		options.Now = time.Now
	}
	made := &Verifier{
		options: options,
		runtime: wazero.NewRuntimeWithConfig(ctx, config),
		// No arguments, environment, files or output. The random source is for
		// the salt; wazero's own, like its clock, is made up.
		config: wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").
			WithRandSource(rand.Reader).WithSysWalltime().WithSysNanotime(),
		slots:       make(chan struct{}, options.Instances),
		done:        make(chan struct{}),
		configuring: make(chan struct{}, 1),
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
// The verifier keeps text, so do not modify it.
func (v *Verifier) Configure(ctx context.Context, text []byte) error {
	if len(text) > guest.MaxConfiguration {
		return &KeyringError{Reason: fmt.Sprintf("it is longer than %d bytes", guest.MaxConfiguration)}
	}
	k := &keyring{text: text}
	if err := acquire(ctx, v.configuring); err != nil {
		return err
	}
	defer func() { <-v.configuring }()
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

// Authorize decides on a request with these values of all its Authorization fields.
// It knows nothing of other fields: if [Options].Accept names some, use
// [Verifier.AuthorizeRequest]. The token must have all the scopes. A scope that is not
// valid is an error.
//
// The Decision has a principal only if it grants, and scopes and a key id only if
// [Options].Identity names them too. Its Owner and Token are
// always 0.
func (v *Verifier) Authorize(ctx context.Context, authorization []string, scopes ...string) (core.Decision, error) {
	return v.AuthorizeAt(ctx, v.options.Now(), authorization, scopes...)
}

// AuthorizeAt does what [Verifier.Authorize] does, at another time than now.
func (v *Verifier) AuthorizeAt(ctx context.Context, now time.Time, authorization []string, scopes ...string) (core.Decision, error) {
	required, err := middleware.Scopes(scopes)
	if err != nil {
		return denied, err
	}
	f := found{schemes: v.options.Accept.Schemes}
	f.addAuthorization(authorization)
	return v.authorize(ctx, now, f.credential(), string(required))
}

// AuthorizeRequest does what [Verifier.Authorize] does, for a request with the token in
// any of the places that [Options].Accept names. It does not change the request.
func (v *Verifier) AuthorizeRequest(r *http.Request, scopes ...string) (core.Decision, error) {
	required, err := middleware.Scopes(scopes)
	if err != nil {
		return denied, err
	}
	return v.authorizeRequest(r, string(required))
}

func (v *Verifier) authorizeRequest(r *http.Request, required string) (core.Decision, error) {
	return v.authorize(r.Context(), v.options.Now(), find(r.Header, v.options.Accept).credential(), required)
}

// authorize decides. required is a list of valid scopes.
func (v *Verifier) authorize(ctx context.Context, now time.Time, c credential, required string) (core.Decision, error) {
	k := v.keyring.Load()
	if k == nil && !v.isClosed() {
		return core.Decision{Reason: core.Unconfigured}, nil
	}
	if c.ambiguous || len(c.prefix)+len(c.value)+len(required) > guest.MaxAuthorization {
		return core.Decision{Reason: core.Malformed}, nil
	}
	select {
	case v.slots <- struct{}{}:
		defer func() { <-v.slots }()
	case <-ctx.Done():
		return denied, ctx.Err()
	case <-v.done:
		return denied, errClosed
	}
	i, err := v.take(ctx, k)
	if err != nil {
		return denied, err
	}
	d, err := i.decide(ctx, c, required, now.Unix())
	if err != nil {
		// Whatever state it is in, it is not used again.
		return denied, errors.Join(fmt.Errorf("asking for a verdict: %w", err), i.module.Close(ctx))
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
	i, err := newInstance(module, v.options)
	if err != nil {
		return nil, errors.Join(err, module.Close(ctx))
	}
	return i, nil
}

// Close denies all further requests with an error, waits for those that are being
// decided, and then frees all that the verifier has. If ctx ends first, Close returns
// the error of ctx. The verifier then still denies, and another Close frees the rest.
func (v *Verifier) Close(ctx context.Context) error {
	v.mu.Lock()
	if !v.closed {
		v.closed, v.idle = true, nil
		close(v.done)
	}
	v.mu.Unlock()
	if err := acquire(ctx, v.configuring); err != nil {
		return err
	}
	defer func() { <-v.configuring }()
	for ; v.drained < cap(v.slots); v.drained++ {
		if err := acquire(ctx, v.slots); err != nil {
			return err
		}
	}
	if v.released {
		return nil
	}
	v.released = true
	return v.runtime.Close(ctx)
}

// acquire waits for room in c, or for the end of ctx.
func acquire(ctx context.Context, c chan struct{}) error {
	select {
	case c <- struct{}{}:
		return nil
	default:
	}
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *Verifier) isClosed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.closed
}
