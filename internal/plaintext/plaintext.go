// Package plaintext judges and makes tokens in plaintext: which of them a client
// can send, which look like a mistake, and what a new one looks like. No text that
// it returns quotes anything of a token.
package plaintext

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// MinLength is the fewest characters that a token should have. Shorter ones can be
// guessed.
const MinLength = 32

// MaxFile is the largest file or input, in bytes, that a token is read from.
const MaxFile = 64 << 10

// longestToken is the longest token that the fields of a request can carry, next
// to their names and the scheme.
const longestToken = 8192 - len("Authorization") - len("Bearer ") - len("Host")

// TooShort says why a token is too short to be used, or returns "". It counts
// characters, not bytes. The text follows the name of the token's source.
func TooShort(token []byte, minimum int) (reason string) {
	switch length := utf8.RuneCount(token); {
	case length == 0:
		return "is empty: it needs at least " + Characters(minimum)
	case length < minimum:
		return fmt.Sprintf("is too short to be used: it needs at least %s and has %d", Characters(minimum), length)
	}
	return ""
}

// Characters says in words how many characters a token needs: one, whatever the
// minimum.
func Characters(minimum int) string {
	if minimum <= 1 {
		return "1 character"
	}
	return fmt.Sprintf("%d characters", minimum)
}

// Unsendable says why no client can send the token, or returns "". The text follows
// the name of the token's source.
func Unsendable(token []byte) (reason string) {
	firstLine, rest, _ := bytes.Cut(token, []byte{'\n'})
	switch {
	case isUTF16(token):
		return "is UTF-16 text; save it as UTF-8"
	case bytes.HasPrefix(token, []byte("\xef\xbb\xbf")):
		return "begins with a byte order mark (BOM), which no client sends; save it as UTF-8 without one"
	case len(bytes.TrimRight(rest, "\r\n")) > 0 && bytes.Contains(rest, []byte("sha256:")):
		return "has more than one line; of the two that `auth-service token new` prints, the token is the first"
	case len(bytes.TrimRight(rest, "\r\n")) > 0:
		return "has more than one line; a token is one line"
	case len(firstLine) < len(token) || bytes.HasSuffix(token, []byte{'\r'}):
		return "ends with a line break, which a header cannot carry"
	case len(bytes.Trim(token, " \t")) != len(token):
		return "has whitespace around it, which a header cannot carry"
	case bytes.ContainsFunc(token, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return "has a control byte in it, which a header cannot carry"
	case len(token) > longestToken:
		return fmt.Sprintf("is longer than the %d bytes that the fields of a request can carry", longestToken)
	}
	return ""
}

// isUTF16 reports whether the token begins with a byte order mark of UTF-16,
// or every second byte of it is NUL.
func isUTF16(token []byte) bool {
	if bytes.HasPrefix(token, []byte("\xff\xfe")) || bytes.HasPrefix(token, []byte("\xfe\xff")) {
		return true
	}
	nuls := [2]int{}
	for i, c := range token {
		if c == 0 {
			nuls[i%2]++
		}
	}
	return len(token) > 1 && (nuls[0] == (len(token)+1)/2 || nuls[1] == len(token)/2)
}

// Doubts says what looks like a mistake in a token that can be sent. The texts
// follow the name of the token's source.
func Doubts(token []byte) (texts []string) {
	if quoted(token) {
		texts = append(texts, "has quotation marks around it, which count as part of the token; remove them if they do not belong to it")
	}
	if hasPrefixFold(token, "bearer ") || hasPrefixFold(token, "bearer\t") || hasPrefixFold(token, "authorization:") {
		texts = append(texts, "begins like an Authorization field, and that counts as part of the token; remove everything before the token, including Bearer")
	}
	if assigned(token) {
		texts = append(texts, "begins with NAME=, and that counts as part of the token; remove everything before the token")
	}
	if bytes.HasPrefix(token, []byte("sha256:")) || bytes.Contains(token, []byte(" sha256:")) {
		texts = append(texts, "looks like a line of a keyring, not a token")
	}
	if mistyped(token) {
		texts = append(texts, "has a wrong checksum; it may be mistyped")
	}
	return texts
}

func hasPrefixFold(token []byte, prefix string) bool {
	return len(token) >= len(prefix) && bytes.EqualFold(token[:len(prefix)], []byte(prefix))
}

// quoted reports whether the token begins or ends with a quotation mark of any
// kind.
func quoted(token []byte) bool {
	first, _ := utf8.DecodeRune(token)
	last, _ := utf8.DecodeLastRune(token)
	const marks = "\"'`“”„‘’‚«»"
	return bytes.ContainsRune([]byte(marks), first) && first != utf8.RuneError ||
		bytes.ContainsRune([]byte(marks), last) && last != utf8.RuneError
}

// assigned reports whether the token begins like an assignment in a shell or an
// environment file. The = at the end of base64 does not count.
func assigned(token []byte) bool {
	token = bytes.TrimPrefix(token, []byte("export "))
	name, value, _ := bytes.Cut(token, []byte{'='})
	for i, c := range name {
		letter := c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return len(name) > 0 && len(bytes.Trim(value, "=")) > 0
}

// WithoutLineEnd returns b without one line end, LF or CRLF, at its end.
func WithoutLineEnd(b []byte) []byte {
	if line, ended := bytes.CutSuffix(b, []byte{'\n'}); ended {
		return bytes.TrimSuffix(line, []byte{'\r'})
	}
	return b
}
