package guest

// MaxConnection is for the values of all Connection fields of a request, in
// bytes. A request with more is denied.
const MaxConnection = 4 << 10

// AppendConnection appends to left the options of a Connection field's value
// that do not name an identity field, and reports whether there are others.
//
//	Connection        = [ connection-option *( OWS "," OWS connection-option ) ]
//	connection-option = token
//
// A proxy removes the fields that Connection names before it passes the request
// on (RFC 9110, section 7.6.1), and most do so after a plugin has set the
// identity. So an option goes if the name is anywhere in it, whatever is around
// it: hosts differ in what they take for whitespace and for an option's end.
//
// What is appended is at most a byte longer than value.
func AppendConnection[T ~string | ~[]byte](left []byte, value T) (_ []byte, named bool) {
	for start := 0; start <= len(value); {
		end := start
		for end < len(value) && value[end] != ',' {
			end++
		}
		switch option := trim(value[start:end]); {
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
		for _, lower := range identityNames {
			if alike(option, at, lower) {
				return true
			}
		}
	}
	return false
}

// trim removes the whitespace around an option (RFC 9110, section 5.6.3).
func trim[T ~string | ~[]byte](option T) T {
	for len(option) > 0 && (option[0] == ' ' || option[0] == '\t') {
		option = option[1:]
	}
	for len(option) > 0 && (option[len(option)-1] == ' ' || option[len(option)-1] == '\t') {
		option = option[:len(option)-1]
	}
	return option
}
