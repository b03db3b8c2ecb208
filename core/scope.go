package core

// AnyScope satisfies whatever is required. It stands alone in an entry's scopes.
const AnyScope = "*"

// maxNameLength bounds principals and scopes, in bytes.
const maxNameLength = 64

// ValidScope reports whether name may stand for a scope: 1 to 64 bytes of RFC
// 6749 §3.3 scope-token less the comma. Such a name needs no escaping in a
// challenge's quoted-string.
func ValidScope[T ~string | ~[]byte](name T) bool {
	if len(name) == 0 || len(name) > maxNameLength {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c < '!' || c > '~', c == '"', c == '\\', c == ',':
			return false
		}
	}
	return true
}

// ValidPrincipal reports whether name may stand for a principal: 1 to 64 of
// A-Z a-z 0-9 . _ -
func ValidPrincipal[T ~string | ~[]byte](name T) bool {
	if len(name) == 0 || len(name) > maxNameLength {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// scopeSet is the scopes of one or more entries.
type scopeSet struct {
	any   bool
	names []string
}

// satisfies reports whether the set holds every scope of a list separated by
// SP or HTAB. No set holds a name that is not a valid scope, not even "*":
// what cannot be understood is not granted. The same goes for a list that has
// only separators: it demands something and names nothing.
func (s *scopeSet) satisfies(required []byte) bool {
	ok := true
	for first := true; len(required) > 0; first = false {
		var name []byte
		name, required = nextField(required)
		if len(name) == 0 {
			return ok && !first
		}
		ok = ok && ValidScope(name) && (s.any || s.has(name))
	}
	return ok
}

func (s *scopeSet) has(name []byte) bool {
	for _, have := range s.names {
		if have == string(name) {
			return true
		}
	}
	return false
}

// nextField cuts the first run of bytes that are not SP or HTAB off b; it is
// empty at the end of b.
func nextField(b []byte) (field, rest []byte) {
	for len(b) > 0 && isWhitespace(b[0]) {
		b = b[1:]
	}
	end := 0
	for end < len(b) && !isWhitespace(b[end]) {
		end++
	}
	return b[:end], b[end:]
}
