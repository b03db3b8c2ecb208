package guest

import "iter"

// Names of header fields.
const (
	// IdentityName is the field that tells the program behind the proxy whose
	// token it was.
	IdentityName = "x-auth-request-user"
	// ChallengeName is the field that says what to authenticate with.
	ChallengeName = "www-authenticate"

	authorizationName = "authorization"
)

// equalFold reports whether name is lower without regard to case, and if
// likewise is set, to the difference of "-" and "_", which is lost where
// fields become environment variables (CGI, WSGI and others).
func equalFold[T ~string | ~[]byte](name T, lower string, likewise bool) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if likewise && c == '_' {
			c = '-'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// IsIdentity reports whether a field of this name might be taken for
// [IdentityName].
func IsIdentity[T ~string | ~[]byte](name T) bool { return equalFold(name, IdentityName, true) }

// IdentityLookalikes gives the names that differ from [IdentityName] in "_"
// for "-" alone.
func IdentityLookalikes() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, name := range []string{
			"x_auth-request-user", "x-auth_request-user", "x_auth_request-user", "x-auth-request_user",
			"x_auth-request_user", "x-auth_request_user", "x_auth_request_user",
		} {
			if !yield(name) {
				return
			}
		}
	}
}
