// Package httptext holds the lexical rules that every parser of HTTP here
// shares: character classes, whitespace and the comparison of names. It works on
// bytes and allocates nothing.
//
//	token          = 1*tchar
//	tchar          = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." /
//	                 "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA
//	OWS            = *( SP / HTAB )
//	field-content  = *( SP / HTAB / VCHAR / obs-text )
//
// These are from RFC 9110 §5.5 and §5.6.
package httptext

// The classes are bits of a table, so that a loop over many bytes has no branch
// for each of them.
const (
	tokenClass = 1 << iota // tchar
	textClass              // field-content
)

var classes = func() (classes [256]byte) {
	for c := range classes {
		switch {
		case c == '\t', c == ' ', c >= 0x21 && c != 0x7f:
			classes[c] |= textClass
		}
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			classes[c] |= tokenClass
		}
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		classes[c] |= tokenClass
	}
	return classes
}()

// IsToken reports whether b is a token: a method or the name of a field.
func IsToken(b []byte) bool {
	all := byte(tokenClass)
	for _, c := range b {
		all &= classes[c]
	}
	return all != 0 && len(b) > 0
}

// IsText reports whether b may stand in a request line or in a field's value: it
// has no control byte except HTAB. In particular it has no NUL, CR or LF. It may be
// empty.
func IsText(b []byte) bool {
	all := byte(textClass)
	for _, c := range b {
		all &= classes[c]
	}
	return all != 0
}

// IsDigit reports whether c is an ASCII digit.
func IsDigit(c byte) bool { return '0' <= c && c <= '9' }

// IsSpace reports whether c is SP or HTAB. No other byte is whitespace in HTTP.
func IsSpace(c byte) bool { return c == ' ' || c == '\t' }

// Trim returns b without the optional whitespace at its ends. The result is a part
// of b.
func Trim[T ~string | ~[]byte](b T) T {
	for len(b) > 0 && IsSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && IsSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// EqualFold reports whether b is lower, apart from the case of ASCII letters.
// lower must be in lower case. Bytes that are not ASCII are equal only to
// themselves, so no letter of another alphabet passes for one of a field's name.
func EqualFold[T ~string | ~[]byte](b T, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range len(b) {
		if Lower(b[i]) != lower[i] {
			return false
		}
	}
	return true
}

// Lower returns the lower case of an ASCII letter, and any other byte as it is.
func Lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
