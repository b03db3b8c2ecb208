package core

// AnyScope satisfies whatever is required. It stands alone in an entry's scopes.
const AnyScope = "*"

// scopeSet is the scopes of one or more entries, all of them valid.
type scopeSet struct {
	any   bool
	names []string
	list  string // separated by spaces
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
		ok = ok && (s.has(name) || s.any && validScope(name))
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
