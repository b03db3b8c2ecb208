package core

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxLine is the length of the longest line that a keyring may have, in bytes
// without its line end.
const MaxLine = 4096

// shortestEntry is the length of the shortest line with an entry, line end
// included.
const shortestEntry = len("p ") + len(credentialPrefix) + 2*len(Credential{}) + len("\n")

// ParseKeyring reads the text of a keyring: UTF-8 lines, each empty or
//
//	principal credential [attribute …] [# comment]
//
// separated by SP or HTAB, ended by LF or CRLF; the last line end may be
// missing. The credential is "sha256:" and 64 hexadecimal digits. Each attribute
// occurs at most once, in any order: "scope=" with a comma list, and "expires="
// and "created=" with an RFC 3339 time or a date. Fractions of a second are
// dropped. A date means its first second in UTC.
//
// It returns every entry, or no entry and [ParseErrors]. It neither keeps nor
// wipes the text.
func ParseKeyring(text []byte) ([]Entry, error) { return parseKeyring(text, false) }

// ParseKeyringFile reads the contents of a keyring file, as [ParseKeyring]
// does, except that the last line must have its line end. A file without it may
// have been cut short, and the missing part may be an expires=.
func ParseKeyringFile(contents []byte) ([]Entry, error) { return parseKeyring(contents, true) }

func parseKeyring(text []byte, ended bool) ([]Entry, error) {
	if isUTF16(text) {
		// Every line would be wrong, and the lines cannot be told apart.
		return nil, ParseErrors{{Line: 1, Reason: "UTF-16 text, as its byte order mark says; save it as UTF-8"}}
	}
	// Allocated at once: a slice that grows leaves copies of credentials behind.
	entries := make([]Entry, 0, min(bytes.Count(text, []byte{'\n'}), len(text)/shortestEntry)+1)
	var lines []int // of the entries
	var wrong ParseErrors
	p := parser{principals: map[string]string{}, scopes: map[string][]string{}}
	for number := 1; len(text) > 0 && len(wrong) < MaxParseErrors; number++ {
		line, rest, hasEnd := bytes.Cut(text, []byte{'\n'})
		text = rest
		entry, reason := p.line(line)
		if ended && !hasEnd {
			reason = "the last line has no line end, so the file may have been cut short; if the line is whole, end it with a newline"
		}
		switch {
		case reason != "":
			wrong = append(wrong, &ParseError{Line: number, Reason: reason})
		case entry.Principal != "":
			entries, lines = append(entries, entry), append(lines, number)
		}
	}
	if wrong = wrong.merge(duplicates(entries, lines)); wrong != nil {
		WipeEntries(entries)
		return nil, wrong
	}
	return entries, nil
}

// parser remembers names, so that a million lines share a few strings.
type parser struct {
	principals map[string]string
	scopes     map[string][]string
}

// line parses one line; an entry without a principal is a line without an
// entry.
func (p *parser) line(line []byte) (e Entry, reason string) {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(line) > MaxLine {
		return e, "the line is longer than " + strconv.Itoa(MaxLine) + " bytes"
	}
	if bytes.HasPrefix(line, []byte(byteOrderMark)) {
		return e, "a byte order mark (BOM) at the beginning of the line; save the text as UTF-8 without one"
	}
	if !utf8.Valid(line) {
		return e, "not UTF-8"
	}
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return e, "a NUL or another control byte"
		}
	}
	principal, rest := nextField(line)
	if len(principal) == 0 || principal[0] == '#' {
		return e, ""
	}
	if !validPrincipal(principal) {
		return e, "the principal is not valid: " + errPrincipal.Error()
	}
	credential, rest := nextField(rest)
	if !e.Credential.parse(credential) {
		if whole := len(credentialPrefix) + 2*len(e.Credential); len(credential) > whole && e.Credential.parse(credential[:whole]) {
			return Entry{}, "text is joined to the 64 digits of the credential; put a space or the missing newline after them"
		}
		if new(Credential).parse(principal) {
			return Entry{}, "the line begins with its credential; put the principal before it"
		}
		return Entry{}, "the credential after the principal is not sha256: and 64 hexadecimal digits"
	}
	if e.Credential == emptyCredential {
		return e, errEmptyCredential.Error()
	}
	e.Expires = Never
	if reason := p.attributes(rest, &e); reason != "" {
		return Entry{}, reason
	}
	e.Principal = intern(p.principals, principal)
	return e, ""
}

func (p *parser) attributes(rest []byte, e *Entry) (reason string) {
	var hasScope, hasExpires, hasCreated bool
	for {
		var field []byte
		field, rest = nextField(rest)
		if len(field) == 0 || field[0] == '#' {
			return ""
		}
		name, value, _ := bytes.Cut(field, []byte{'='})
		switch string(name) {
		case "scope":
			if hasScope {
				return "scope= twice"
			}
			hasScope = true
			if e.Scopes, reason = p.scopeList(value); reason != "" {
				return reason
			}
		case "expires":
			if hasExpires {
				return "expires= twice"
			}
			hasExpires = true
			var ok bool
			if e.Expires, ok = ParseTime(value); !ok {
				return "expires= is not followed by an RFC 3339 time such as 2027-01-31T00:00:00Z, or a date such as 2027-01-31"
			}
		case "created":
			if hasCreated {
				return "created= twice"
			}
			hasCreated = true
			var ok bool
			if e.Created, ok = ParseTime(value); !ok {
				return "created= is not followed by an RFC 3339 time such as 2027-01-31T00:00:00Z, or a date such as 2027-01-31"
			}
		default:
			if new(Credential).parse(field) {
				return "a second credential; put the missing newline before its principal"
			}
			return "an unknown attribute; write scope=, expires= or created="
		}
	}
}

func (p *parser) scopeList(value []byte) (scopes []string, reason string) {
	if known, ok := p.scopes[string(value)]; ok {
		return known, ""
	}
	list := string(value)
	for rest, more := list, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, ",")
		if err := CheckScope(name); err != nil {
			return nil, "scope= is not followed by a comma list of scopes: " + err.Error()
		}
		scopes = append(scopes, name)
	}
	if anyBesideOthers(scopes) {
		return nil, errAnyScope.Error()
	}
	// Entries share the slice, so what one of them appends must not reach another.
	p.scopes[list] = slices.Clip(scopes)
	return p.scopes[list], ""
}

func intern(known map[string]string, name []byte) string {
	if s, ok := known[string(name)]; ok {
		return s
	}
	s := string(name)
	known[s] = s
	return s
}

// EntryLines returns the lines of a text that hold an entry, counted from 1. The
// first is that of the first entry that [ParseKeyring] returns for this text, and so
// on.
func EntryLines(text []byte) []int {
	var lines []int
	number := 0
	for line := range bytes.Lines(text) {
		number++
		// A control byte is not part of a field, but ends a line.
		if first, _ := nextField(bytes.TrimRight(line, "\r\n")); len(first) > 0 && first[0] != '#' {
			lines = append(lines, number)
		}
	}
	return lines
}

// duplicates returns the first lines whose credential an earlier line has too. It
// sorts numbers, not credentials, so it leaves no copies of credentials behind.
func duplicates(entries []Entry, lines []int) (wrong ParseErrors) {
	order := make([]int32, len(entries))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		if c := bytes.Compare(entries[a].Credential[:], entries[b].Credential[:]); c != 0 {
			return c
		}
		return int(a - b)
	})
	repeated := make([]bool, len(entries))
	for i := 1; i < len(order); i++ {
		repeated[order[i]] = entries[order[i-1]].Credential == entries[order[i]].Credential
	}
	for i := range entries {
		if repeated[i] && len(wrong) < MaxParseErrors {
			wrong = append(wrong, &ParseError{Line: lines[i], Reason: ErrDuplicateCredential.Error()})
		}
	}
	return wrong
}
