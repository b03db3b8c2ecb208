package guest

// Names of header fields.
const (
	// IdentityName is the field that tells the program behind the proxy whose
	// token it was.
	IdentityName = "x-auth-request-user"
	// ChallengeName is the field that says what to authenticate with.
	ChallengeName = "www-authenticate"
	// ConnectionName is the field that tells a proxy what to drop.
	ConnectionName = "connection"

	authorizationName = "authorization"
)

// identityNames are all fields that say who asks. What a client sends under these
// names, or under a name that may be mistaken for one, is not passed on.
var identityNames = [...]string{IdentityName, "x-auth-request-scopes", "x-auth-request-key"}

// equalFold reports whether name equals lower without regard to case.
func equalFold[T ~string | ~[]byte](name T, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := range len(name) {
		if lowerCase(name[i]) != lower[i] {
			return false
		}
	}
	return true
}

// alike reports whether name[at:] begins with lower, without regard to case and to
// the byte in place of "-". Programs that turn fields into environment variables
// (CGI, WSGI, PHP and others) map every byte except letters and digits to the same
// one.
func alike[T ~string | ~[]byte](name T, at int, lower string) bool {
	if len(name)-at < len(lower) {
		return false
	}
	for i := range len(lower) {
		c := lowerCase(name[at+i])
		if (c < 'a' || 'z' < c) && (c < '0' || '9' < c) {
			c = '-'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func lowerCase(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// IsIdentity reports whether a field of this name might be mistaken for one that
// says who asks.
func IsIdentity[T ~string | ~[]byte](name T) bool {
	for _, lower := range identityNames {
		if len(name) == len(lower) && alike(name, 0, lower) {
			return true
		}
	}
	return false
}

// IsConnection reports whether this is the name of the Connection field.
func IsConnection[T ~string | ~[]byte](name T) bool { return equalFold(name, ConnectionName) }
