// Package guard protects handlers of a Go program with static Bearer tokens:
//
//	g, err := guard.Open(ctx, "keyring")
//	if err != nil {
//		return err
//	}
//	http.Handle("/metrics", g.Handler(metrics, "metrics"))
//
// The keyring is a text file with one line for each token: whose it is, its
// SHA-256, and what it may do. «auth-service token new» makes tokens and lines. See
// [core.ParseKeyringFile] for the format.
//
// A Guard decides exactly as the auth-service behind a reverse proxy does. This
// package compiles no third-party package into a program.
package guard

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
	"unsafe"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/internal/middleware"
	"github.com/concrete-security/auth-service/internal/secret"
)

// A Guard decides which requests may pass. The zero Guard and a nil *Guard answer
// every request with 500. Any number of goroutines may call its methods. A Guard must
// not be copied after its first use.
type Guard struct {
	settings settings

	mu      sync.RWMutex // held for reading during a verdict, so that a replaced keyring can be wiped
	keyring *core.Keyring
}

// An Option changes how a Guard works; see the functions that return one.
type Option func(*settings)

type settings struct {
	logger     *slog.Logger
	now        func() time.Time
	accept     core.Accept
	challenges core.Challenges
	identity   core.Identity
}

// WithAccept sets where a request may carry a token; see [core.ParseAccept]. The default
// is an Authorization field, as Bearer.
func WithAccept(accept core.Accept) Option {
	return func(s *settings) { s.accept, s.challenges.Schemes = accept, accept.Schemes }
}

// WithRealm sets what challenges name. WithRealm panics if realm is not valid; see
// [core.CheckRealm].
func WithRealm(realm string) Option {
	if err := core.CheckRealm(realm); err != nil {
		panic("guard: " + err.Error())
	}
	return func(s *settings) { s.challenges.Realm = realm }
}

// WithIdentity sets what [Guard.Handler] tells the next handler of the owner of a token,
// in the fields X-Auth-Request-User, X-Auth-Request-Scopes and X-Auth-Request-Key; see
// [core.ParseIdentity]. The default is the principal alone.
func WithIdentity(identity core.Identity) Option {
	return func(s *settings) { s.identity = identity }
}

// WithLogger sets the logger for what happens to the keyring file and, at level
// DEBUG, for denied requests. No line holds any part of a token. The default is
// [slog.Default].
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) { s.logger = logger }
}

// WithClock sets the clock that tells whether a token has expired. The default is
// [time.Now].
func WithClock(now func() time.Time) Option {
	return func(s *settings) { s.now = now }
}

// New returns a Guard that decides by keyring. The Guard owns the keyring: it wipes
// the keyring when [Guard.SetKeyring] replaces it. A nil keyring denies every request
// with 500.
func New(keyring *core.Keyring, options ...Option) *Guard {
	g := &Guard{keyring: keyring}
	for _, set := range options {
		set(&g.settings)
	}
	return g
}

// SetKeyring replaces the keyring. When SetKeyring returns, the old keyring is wiped
// and no request is decided by it any more, so do not set it again. Like [New],
// SetKeyring takes over the new one.
func (g *Guard) SetKeyring(keyring *core.Keyring) {
	g.mu.Lock()
	old := g.keyring
	g.keyring = keyring
	g.mu.Unlock()
	if old != keyring {
		old.Wipe() // nobody reads it any more: a verdict holds the lock for its whole time
	}
}

// Check decides whether a request may pass. The token must have all the scopes; with
// no scopes, any token of the keyring will do. A name that is not a valid scope is
// a scope that no token has.
//
// A request with several Authorization fields is denied as malformed, because
// programs differ in which of them they read. Check neither changes nor keeps the
// request. It copies the token nowhere; the request itself still holds it, in memory
// that a Go program cannot wipe.
//
// For tokens of one length, Check takes the same time whether the token is right,
// wrong, expired or without a scope; see package [core].
func (g *Guard) Check(r *http.Request, scopes ...string) core.Decision {
	required, err := middleware.Scopes(scopes)
	if err != nil {
		required = noScope
	}
	return g.check(r, required)
}

// noScope requires a scope that no token has.
var noScope = []byte(" ")

func (g *Guard) check(r *http.Request, required []byte) (d core.Decision) {
	if g == nil {
		return core.Decision{Reason: core.Unconfigured}
	}
	accept := &g.settings.accept
	request := core.Request{Schemes: accept.Schemes, Scopes: required, Now: g.now().Unix()}
	for name, values := range r.Header {
		// A program may have set the field under a name in other letters.
		if len(values) > 0 && httptext.EqualFold(name, "authorization") {
			request.AuthorizationCount += len(values)
			request.Authorization = bytesOf(values[0])
		}
		for i, field := range accept.Fields {
			if httptext.EqualFold(name, field) {
				for _, value := range values {
					request.AddField(i, bytesOf(value))
				}
			}
		}
	}
	if accept.Schemes&core.Basic != 0 {
		// It is decoded where it is, and a string must not change.
		request.Authorization = bytes.Clone(request.Authorization)
		defer secret.Wipe(request.Authorization)
	}
	g.mu.RLock()
	secret.Do(func() { d = g.keyring.Authorize(&request) })
	g.mu.RUnlock()
	if !d.Granted() {
		g.logger().LogAttrs(r.Context(), slog.LevelDebug, "authentication failed",
			slog.String("reason", d.Reason.String()), slog.String("principal", d.Principal), slog.String("client", r.RemoteAddr))
	}
	return d
}

// bytesOf returns the bytes of s itself, for reading: a copy would stay in memory.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func (g *Guard) now() time.Time {
	if g.settings.now == nil {
		return time.Now()
	}
	return g.settings.now()
}

func (g *Guard) logger() *slog.Logger {
	if g.settings.logger == nil {
		return slog.Default()
	}
	return g.settings.logger
}

// Handler returns a handler that passes on to next the requests that [Guard.Check]
// grants. The request that next gets is a copy with the principal in its field
// X-Auth-Request-User, and the decision in its context; see [DecisionFrom] and
// [WithIdentity]. Handler removes what the client sent under the names X-Auth-Request-User,
// X-Auth-Request-Scopes and X-Auth-Request-Key, and under names that a backend may
// mistake for these (X_Auth_Request_User, for instance). It also removes the names
// from the Connection field, so that a reverse proxy in next keeps the identity. The
// Authorization field stays: delete it before you send the request on to a backend that
// should not see the token.
//
// Denied requests get 401 or 403 with a challenge (RFC 6750 §3), or 500 if the
// keyring has no usable token.
//
// Handler panics if a scope is not valid or next is nil, as a mistake in the program
// should not wait for the first request.
func (g *Guard) Handler(next http.Handler, scopes ...string) http.Handler {
	required, err := middleware.Scopes(scopes)
	if err != nil {
		panic("guard: " + err.Error())
	}
	var s settings
	if g != nil {
		s = g.settings
	}
	return middleware.Protect(func(r *http.Request) core.Decision { return g.check(r, required) }, s.challenges, s.identity, required, next)
}

// DecisionFrom returns the decision on the request whose context this is, for a
// handler behind [Guard.Handler]. Elsewhere it returns the zero Decision, which denies
// and has no principal.
func DecisionFrom(ctx context.Context) core.Decision { return middleware.DecisionFrom(ctx) }
