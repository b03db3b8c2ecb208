package core

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
