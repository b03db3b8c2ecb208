package host

import (
	"net/http"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/middleware"
)

// Handler returns a handler that passes on to next the requests that have all the
// scopes. The request that next gets is a copy with the principal in its field
// X-Auth-Request-User, or with what [Options].Identity names. Handler removes what the
// client sent under that name, under X-Auth-Request-Scopes or X-Auth-Request-Key, or
// under a name that a backend may mistake for one of these. It also removes these names
// from the Connection field, which would make a proxy drop them.
//
// Handler answers other requests as auth-service does. If there is no verdict, it
// answers 500. It is the handler of package guard with another verifier.
//
// Handler panics if a scope is not valid or next is nil, as a mistake in the program
// should not wait for the first request.
func (v *Verifier) Handler(next http.Handler, scopes ...string) http.Handler {
	required, err := middleware.Scopes(scopes)
	if err != nil {
		panic("host: " + err.Error())
	}
	list := string(required)
	decide := func(r *http.Request) core.Decision {
		d, err := v.authorizeRequest(r, list)
		if err != nil {
			return denied
		}
		return d
	}
	challenges := core.Challenges{Schemes: v.options.Accept.Schemes, Realm: v.options.Realm}
	return middleware.Protect(decide, challenges, v.options.Identity, required, next)
}
