// Package censor removes from texts what looks like a token.
//
// People paste tokens where paths, hosts and flags belong. An error that quoted
// them would put them into logs, so every error passes a censor before it is
// written.
package censor

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// shortestSecret is the length, in characters, of the shortest value that looks
// like a token.
const shortestSecret = 32

// NotShown replaces what looks like a token.
const NotShown = "(not shown: it looks like a token)"

// LooksLikeToken reports whether a value may be a token, not a path or a name.
func LooksLikeToken(value string) bool {
	return utf8.RuneCountInString(value) >= shortestSecret &&
		(!strings.ContainsFunc(value, isPathSeparator) || isBase64(value))
}

func isPathSeparator(r rune) bool { return r < utf8.RuneSelf && os.IsPathSeparator(uint8(r)) }

// isBase64 reports whether a value with a / is base64, not a path: half the tokens
// of `openssl rand -base64 32` have a /.
func isBase64(value string) bool {
	return patterns().base64Run.FindString(value) == value && strings.ContainsAny(value, "+=")
}

// expressions find what may be a token. All of them need shortestSecret bytes or more
// without whitespace.
type expressions struct {
	base64Run *regexp.Regexp
	// word is a long word in an error, where quotation marks and punctuation may
	// surround it. authority is what follows the scheme of a URL.
	word, authority *regexp.Regexp
}

// patterns compiles them when they are needed, which few starts do.
var patterns = sync.OnceValue(func() expressions {
	return expressions{
		base64Run: regexp.MustCompile(`[A-Za-z0-9+/]{31,}={0,2}`),
		word:      regexp.MustCompile("[^\\s\"'`(),;]{32,}"),
		authority: regexp.MustCompile("://[^\\s\"'`(),;/?]{32,}"),
	}
})

// hasLongWord reports whether a text has shortestSecret bytes in a row without
// whitespace.
func hasLongWord(text string) bool {
	length := 0
	for i := range len(text) {
		switch text[i] {
		case ' ', '\t', '\n', '\f', '\r':
			length = 0
		default:
			if length++; length == shortestSecret {
				return true
			}
		}
	}
	return false
}

// A Censor removes from texts what looks like a token. A nil *Censor knows no
// values.
type Censor struct{ values *strings.Replacer }

// New returns a censor of those among the values that look like a token, and of all
// single words that do. It needs the values that the process was given, because a
// value with blanks is not a single word.
func New(values []string) *Censor {
	var known []string
	for _, value := range values {
		for _, v := range parts(value) {
			if LooksLikeToken(v) {
				known = append(known, v, strings.Trim(strconv.Quote(v), `"`))
			}
		}
	}
	// The longest come first: the replacer takes the first that matches, and one
	// can be part of another.
	slices.SortFunc(known, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, v := range slices.Compact(known) {
		pairs = append(pairs, v, NotShown)
	}
	return &Censor{strings.NewReplacer(pairs...)}
}

// parts are a value and the pieces of it that an error may quote on their own: a
// flag's name and value, a list's items, and what follows a URL's scheme.
func parts(value string) []string {
	name, assigned, _ := strings.Cut(value, "=")
	whole := []string{value, strings.TrimSpace(value), name, assigned, strings.TrimLeft(value, "-"), strings.TrimLeft(name, "-")}
	list := whole
	for _, v := range whole {
		for item := range strings.SplitSeq(v, ",") {
			_, rest, _ := strings.Cut(item, "://")
			list = append(list, item, strings.TrimSpace(item), rest)
		}
	}
	return list
}

// Clean returns the text without what looks like a token.
func (c *Censor) Clean(text string) string {
	if c != nil {
		text = c.values.Replace(text)
	}
	if hasLongWord(text) {
		return withoutTokens(text)
	}
	return text
}

// withoutTokens replaces all words that look like tokens.
func withoutTokens(text string) string {
	p := patterns()
	text = p.base64Run.ReplaceAllStringFunc(text, func(run string) string {
		if len(run) < shortestSecret || !isBase64(run) {
			return run
		}
		return NotShown
	})
	text = p.authority.ReplaceAllString(text, "://"+NotShown)
	return p.word.ReplaceAllStringFunc(text, func(w string) string {
		bare := strings.TrimRight(w, ":.")
		if !LooksLikeToken(bare) {
			return w
		}
		return NotShown + w[len(bare):]
	})
}
