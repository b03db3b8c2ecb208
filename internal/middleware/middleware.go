// Package middleware acts on a verdict in a chain of HTTP handlers: it answers denied
// requests, and passes on granted ones with the identity of the caller, which no
// client can forge or take away. It does not matter to it who gives the verdict.
package middleware

import (
	"context"
	"net/http"
	"strings"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/identity"
)

// Scopes returns the list that [core.Request] takes, for the scopes that a request
// needs. An invalid name is an error.
func Scopes(names []string) ([]byte, error) {
	for _, name := range names {
		if err := core.CheckScope(name); err != nil {
			return nil, err
		}
	}
	return []byte(strings.Join(names, " ")), nil
}

// Protect returns a handler that passes a request on to next if decide grants it.
// The request that next gets has the identity in the fields X-Auth-Request-User,
// X-Auth-Request-Scopes and X-Auth-Request-Key, as far as told names it, and the
// decision in its context; see [DecisionFrom]. Protect removes what the client
// sent under the name of an identity field, or under a name that a backend may
// mistake for one. It also removes these names from the Connection field, which
// would make a reverse proxy drop the fields. It does not change the request that it
// gets.
//
// A denied request is answered 401, 403 or 500, with the challenges for the required
// scopes, and without a body.
//
// Protect panics if next is nil, as [http.Handle] does.
func Protect(decide func(*http.Request) core.Decision, challenges core.Challenges, told core.Identity, required []byte, next http.Handler) http.Handler {
	if next == nil {
		panic("the handler to protect is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := decide(r)
		if !d.Granted() {
			deny(w, d, challenges, required)
			return
		}
		next.ServeHTTP(w, identified(r, d, told))
	})
}

func deny(w http.ResponseWriter, d core.Decision, challenges core.Challenges, required []byte) {
	header := w.Header()
	for _, scheme := range challenges.InOrder() {
		if challenge := challenges.Append(nil, scheme, d, required); len(challenge) > 0 {
			header.Add("WWW-Authenticate", string(challenge))
		}
	}
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(d.Status())
}

type decisionKey struct{}

// DecisionFrom returns the decision on the request that a context belongs to, or the
// zero Decision, which denies.
func DecisionFrom(ctx context.Context) core.Decision {
	d, _ := ctx.Value(decisionKey{}).(core.Decision)
	return d
}

// identified returns a copy of the request that has the identity.
func identified(original *http.Request, d core.Decision, told core.Identity) *http.Request {
	r := original.Clone(context.WithValue(original.Context(), decisionKey{}, d))
	if len(r.Trailer) > 0 && r.Body != nil {
		r.Body = &trailerBody{ReadCloser: r.Body, from: original, to: r}
	}
	for _, fields := range []http.Header{r.Header, r.Trailer} {
		for name := range fields {
			if identity.IsIdentity(name) {
				delete(fields, name)
			}
		}
	}
	keepIdentity(r.Header)
	r.Header.Set(identity.User, d.Principal)
	if told.Tells(core.IdentityScopes) {
		r.Header.Set(identity.Scopes, d.Scopes)
	}
	if told.Tells(core.IdentityKey) {
		r.Header.Set(identity.Key, d.Key.String())
	}
	return r
}

// keepIdentity removes the names of identity fields from Connection: a proxy such
// as httputil.ReverseProxy drops the fields that Connection names.
func keepIdentity(header http.Header) {
	for name, values := range header {
		if !identity.IsConnection(name) {
			continue
		}
		var left []byte
		named := false
		for _, value := range values {
			var n bool
			left, n = identity.AppendConnection(left, value)
			named = named || n
		}
		switch {
		case !named:
		case len(left) == 0:
			delete(header, name)
		default:
			header[name] = []string{string(left)}
		}
	}
}
