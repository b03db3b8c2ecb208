package server

// The character classes of RFC 9110 §5.6 and RFC 9112 §3, as bits of a table.
const (
	tokenChar = 1 << iota // tchar
	textChar              // what a field value or a request line may hold
)

var charClass = func() (class [256]byte) {
	for c := range class {
		switch {
		case c == '\t', c == ' ', c >= 0x21 && c != 0x7f:
			class[c] |= textChar
		}
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			class[c] |= tokenChar
		}
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		class[c] |= tokenChar
	}
	return class
}()

// isToken reports whether b, if it is not empty, is a token.
func isToken(b []byte) bool {
	all := byte(tokenChar)
	for _, c := range b {
		all &= charClass[c]
	}
	return all != 0
}

// validText reports whether b holds no NUL, CR, LF or other control byte but
// HTAB.
func validText(b []byte) bool {
	all := byte(textChar)
	for _, c := range b {
		all &= charClass[c]
	}
	return all != 0
}

func isDigit(c byte) bool      { return '0' <= c && c <= '9' }
func isWhitespace(c byte) bool { return c == ' ' || c == '\t' }

func trimWhitespace(b []byte) []byte {
	for len(b) > 0 && isWhitespace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isWhitespace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// equalFold compares ASCII without regard to case; lower is in lower case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
