package identity

import "github.com/concrete-security/auth-service/internal/httptext"

// MaxConnection limits the values of all Connection fields of a request, in bytes.
// A request with more is denied.
const MaxConnection = 4 << 10

// AppendConnection appends to left the options of a Connection field's value that
// do not name an identity field, and reports whether it left any out.
//
//	Connection        = [ connection-option *( OWS "," OWS connection-option ) ]
//	connection-option = token
//
// Before a proxy passes the request on, it removes the fields that Connection names
// (RFC 9110, section 7.6.1). Most proxies do so after a plugin has set the identity.
// AppendConnection leaves out an option if the name occurs anywhere in it, because
// hosts differ in what they treat as whitespace and as the end of an option.
//
// It appends at most one byte more than value has.
func AppendConnection[T ~string | ~[]byte](left []byte, value T) (_ []byte, named bool) {
	for start := 0; start <= len(value); {
		end := start
		for end < len(value) && value[end] != ',' {
			end++
		}
		switch option := httptext.Trim(value[start:end]); {
		case namesIdentity(option):
			named = true
		case len(option) > 0:
			if len(left) > 0 {
				left = append(left, ',')
			}
			left = append(left, option...)
		}
		start = end + 1
	}
	return left, named
}

func namesIdentity[T ~string | ~[]byte](option T) bool {
	for at := range len(option) {
		for _, lower := range names {
			if alike(option, at, lower) {
				return true
			}
		}
	}
	return false
}
