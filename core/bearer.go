package core

const bearerScheme = "bearer"

// bearerToken returns the token of an Authorization field value, which is a
// part of value, and false if the value has another form:
//
//	credentials = auth-scheme 1*( SP / HTAB ) token
//
// The auth-scheme is compared without regard to case (RFC 9110 §11.1). The
// value has no whitespace around it. The token is taken as the bytes that it
// is: RFC 6750 §2.1 limits it to token68, but operators configure tokens of
// every form, and a token that nobody configured matches nothing.
func bearerToken(value []byte) ([]byte, bool) {
	if len(value) <= len(bearerScheme) {
		return nil, false
	}
	for i := range len(bearerScheme) {
		if lowerASCII(value[i]) != bearerScheme[i] {
			return nil, false
		}
	}
	rest := value[len(bearerScheme):]
	if !isWhitespace(rest[0]) {
		return nil, false
	}
	// The value ends in no whitespace, so something follows it here.
	return trimWhitespace(rest), true
}

// trimWhitespace drops leading and trailing SP and HTAB, the only optional
// whitespace of RFC 9110 §5.6.3. Package httptext does the same, but the core imports
// standard packages only.
func trimWhitespace(b []byte) []byte {
	for len(b) > 0 && isWhitespace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isWhitespace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isWhitespace(c byte) bool { return c == ' ' || c == '\t' }

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
