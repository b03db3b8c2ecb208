package host

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/identity"
)

// Handler returns a handler that passes on to next the requests that have all the
// scopes, with the principal in the field X-Auth-Request-User. It removes what the
// client sent under that name, under X-Auth-Request-Scopes or -Key, or under a name
// that a CGI program could not tell from these. It also removes these names from the
// Connection field, which would make a proxy drop them. It answers other requests as
// auth-service does. If there is no verdict, it answers 500.
//
// Handler panics if a scope is not valid, as a mistake in the program should not wait
// for the first request.
func (v *Verifier) Handler(next http.Handler, scopes ...string) http.Handler {
	for _, scope := range scopes {
		if err := core.CheckScope(scope); err != nil {
			panic(fmt.Sprintf("host: %q is not a scope: %v", scope, err))
		}
	}
	required := strings.Join(scopes, " ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, err := v.authorize(r.Context(), time.Now(), r.Header.Values("Authorization"), required)
		if err != nil {
			d = denied
		}
		if d.Granted() {
			next.ServeHTTP(w, identified(r, d.Principal))
			return
		}
		if challenge := d.AppendChallenge(nil, []byte(required)); len(challenge) > 0 {
			w.Header().Set("WWW-Authenticate", string(challenge))
		}
		w.WriteHeader(d.Status())
	})
}

// identified returns the request with the principal for the identity.
func identified(r *http.Request, principal string) *http.Request {
	r = r.Clone(r.Context())
	for _, fields := range []http.Header{r.Header, r.Trailer} {
		for name := range fields {
			if identity.IsIdentity(name) {
				delete(fields, name)
			}
		}
	}
	keepIdentity(r.Header)
	r.Header.Set("X-Auth-Request-User", principal)
	return r
}

// keepIdentity removes the names of identity fields from Connection: a proxy such
// as httputil.ReverseProxy drops the fields that it names.
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
