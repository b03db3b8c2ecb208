package core

import (
	"bytes"
	"strconv"
	"strings"
)

// MaxParseErrors is how many wrong lines [ParseErrors] names. In a text that is
// not a keyring at all, every line is wrong.
const MaxParseErrors = 10

// A ParseError says what is wrong with a line of a keyring. It quotes nothing
// of the text, because a line that does not parse may well hold a secret.
type ParseError struct {
	// Line is the number of the line, counted from 1.
	Line int
	// Reason says what is wrong, and where that helps, what to write instead.
	Reason string
}

// Error names the line and the reason.
func (e *ParseError) Error() string { return "line " + strconv.Itoa(e.Line) + ": " + e.Reason }

// ParseErrors are the first wrong lines of a keyring, at least one and at most
// [MaxParseErrors], in order.
type ParseErrors []*ParseError

// Error lists all of the errors in one line.
func (e ParseErrors) Error() string {
	texts := make([]string, len(e))
	for i, wrong := range e {
		texts[i] = wrong.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap lets errors.As find the first wrong line.
func (e ParseErrors) Unwrap() []error {
	list := make([]error, len(e))
	for i, wrong := range e {
		list[i] = wrong
	}
	return list
}

// merge returns the first MaxParseErrors of e and other, both in the order of
// their lines.
func (e ParseErrors) merge(other ParseErrors) ParseErrors {
	if len(other) == 0 {
		return e
	}
	var all ParseErrors
	for len(all) < MaxParseErrors && len(e)+len(other) > 0 {
		if len(other) == 0 || len(e) > 0 && e[0].Line < other[0].Line {
			all, e = append(all, e[0]), e[1:]
		} else {
			all, other = append(all, other[0]), other[1:]
		}
	}
	return all
}

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

// isUTF16 reports whether the text begins with U+FEFF in UTF-16, of either
// byte order.
func isUTF16(text []byte) bool {
	return bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff"))
}
