package guest

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/concrete-security/auth-service/internal/httptext"
)

// A reader takes JSON (RFC 8259) apart from its beginning, as far as a
// configuration needs it: objects, lists, strings and booleans. Package
// encoding/json would make up a fifth of a module, keeps one of two equal keys
// and takes keys in other letters. Once a method has failed there is nothing
// more to read.
type reader struct{ rest []byte }

// skip skips whitespace and then c, or reports that something else follows.
func (r *reader) skip(c byte) bool {
	if !r.at(c) {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// at skips whitespace and reports whether c follows.
func (r *reader) at(c byte) bool {
	r.space()
	return len(r.rest) > 0 && r.rest[0] == c
}

func (r *reader) space() {
	for len(r.rest) > 0 {
		switch r.rest[0] {
		case ' ', '\t', '\r', '\n':
			r.rest = r.rest[1:]
		default:
			return
		}
	}
}

// end reports whether nothing but whitespace is left.
func (r *reader) end() bool {
	r.space()
	return len(r.rest) == 0
}

// boolean reads true or false, or either as a string: a host that reads its
// configuration from labels, such as Traefik, has only strings.
func (r *reader) boolean() (value, ok bool) {
	if r.at('"') {
		word, ok := r.text()
		return word == "true", ok && (word == "true" || word == "false")
	}
	for _, word := range []string{"true", "false"} {
		if n := len(word); len(r.rest) >= n && string(r.rest[:n]) == word {
			r.rest = r.rest[n:]
			return word == "true", true
		}
	}
	return false, false
}

// list reads a list of strings.
func (r *reader) list() (texts []string, ok bool) {
	if !r.skip('[') {
		return nil, false
	}
	if r.skip(']') {
		return nil, true
	}
	for {
		text, ok := r.text()
		if !ok {
			return nil, false
		}
		texts = append(texts, text)
		if r.skip(']') {
			return texts, true
		}
		if !r.skip(',') {
			return nil, false
		}
	}
}

// words reads a list of strings, or one string with commas between them: a host that
// reads its configuration from labels has only strings. Whitespace around a word of
// such a string is not part of it.
func (r *reader) words() (words []string, ok bool) {
	if !r.at('"') {
		return r.list()
	}
	text, ok := r.text()
	if !ok {
		return nil, false
	}
	for more := true; more; {
		var word string
		word, text, more = strings.Cut(text, ",")
		words = append(words, httptext.Trim(word))
	}
	return words, true
}

// text reads a string, which is valid UTF-8 and of whole characters when its
// escapes are resolved.
func (r *reader) text() (text string, ok bool) {
	if !r.skip('"') {
		return "", false
	}
	var b []byte
	for len(r.rest) > 0 {
		switch c := r.rest[0]; {
		case c == '"':
			r.rest = r.rest[1:]
			return string(b), true
		case c == '\\':
			char, ok := r.escape()
			if !ok {
				return "", false
			}
			b = utf8.AppendRune(b, char)
		case c < ' ':
			return "", false
		default:
			char, size := utf8.DecodeRune(r.rest)
			if char == utf8.RuneError && size == 1 {
				return "", false
			}
			b = append(b, r.rest[:size]...)
			r.rest = r.rest[size:]
		}
	}
	return "", false
}

// escape reads one character that is written with a backslash, or with two if
// it takes a pair of surrogates.
func (r *reader) escape() (char rune, ok bool) {
	const letters, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if len(r.rest) < 2 {
		return 0, false
	}
	for i := range len(letters) {
		if r.rest[1] == letters[i] {
			r.rest = r.rest[2:]
			return rune(meanings[i]), true
		}
	}
	first, ok := r.unit()
	if !ok || !utf16.IsSurrogate(first) {
		return first, ok
	}
	second, ok := r.unit()
	char = utf16.DecodeRune(first, second)
	return char, ok && char != utf8.RuneError
}

// unit reads a UTF-16 code unit as in \u00e9.
func (r *reader) unit() (unit rune, ok bool) {
	const length = len(`\u00e9`)
	if len(r.rest) < length || string(r.rest[:2]) != `\u` {
		return 0, false
	}
	// Packages strconv and encoding/hex would add 1 % and 13 % to a module.
	const digits = "0123456789abcdef0123456789ABCDEF"
	for _, c := range r.rest[len(`\u`):length] {
		value := strings.IndexByte(digits, c)
		if value < 0 {
			return 0, false
		}
		unit = unit<<4 | rune(value%16)
	}
	r.rest = r.rest[length:]
	return unit, true
}
