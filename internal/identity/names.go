// Package identity knows the header fields that tell a backend who asks: their
// names, the names that a backend may mistake for them, and how a Connection field
// can take them away. What passes a request on uses it to remove the fields that a
// client sent under these names.
package identity

import "github.com/concrete-security/auth-service/internal/httptext"

// Names of header fields, in lower case.
const (
	// User is the name of the field that holds the principal.
	User = "x-auth-request-user"
	// Scopes is the name of the field that holds the token's scopes.
	Scopes = "x-auth-request-scopes"
	// Key is the name of the field that holds the token's key id.
	Key = "x-auth-request-key"
	// Connection is the name of the field that tells a proxy which fields to drop.
	Connection = "connection"
)

var names = [...]string{User, Scopes, Key}

// IsIdentity reports whether a backend may take a field of this name for an
// identity field. Programs that turn field names into variables (CGI, WSGI, PHP and
// others) map every byte except letters and digits to the same one, and ignore the
// case of letters.
func IsIdentity[T ~string | ~[]byte](name T) bool {
	for _, lower := range names {
		if len(name) == len(lower) && alike(name, 0, lower) {
			return true
		}
	}
	return false
}

// IsConnection reports whether name is that of the Connection field.
func IsConnection[T ~string | ~[]byte](name T) bool {
	return httptext.EqualFold(name, Connection)
}

// alike reports whether name[at:] begins with lower. It ignores the case of letters,
// and which byte stands in the place of "-".
func alike[T ~string | ~[]byte](name T, at int, lower string) bool {
	if len(name)-at < len(lower) {
		return false
	}
	for i := range len(lower) {
		c := httptext.Lower(name[at+i])
		if (c < 'a' || 'z' < c) && (c < '0' || '9' < c) {
			c = '-'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
