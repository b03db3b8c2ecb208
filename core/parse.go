package core

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Never is the expiry of an entry that has none.
const Never = math.MaxInt64

// MaxLine is the length of the longest line that a keyring may have, in bytes
// without its line end.
const MaxLine = 4096

const credentialPrefix = "sha256:"

// shortestEntry is the length of the shortest line with an entry, line end
// included.
const shortestEntry = len("p ") + len(credentialPrefix) + 2*len(Credential{}) + len("\n")

// An Entry is one line of a keyring: a token, known by its credential, and
// what it is good for.
type Entry struct {
	// Principal is whom the token stands for; several entries may name one.
	Principal string
	// Credential is the SHA-256 of the token.
	Credential Credential
	// Scopes are the scopes the token has, or AnyScope alone, or none.
	Scopes []string
	// Expires is the Unix second from which on the token is denied, or Never.
	Expires int64
	// Created is the Unix second at which the token was made, or 0 if that is
	// unknown. No verdict depends on it.
	Created int64
	// Line is the number of the entry's line in the text it was read from,
	// counted from 1, or 0 if it was not read from a text.
	Line int
}

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
			entry.Line = number
			entries = append(entries, entry)
		}
	}
	if wrong = wrong.merge(duplicates(entries)); wrong != nil {
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
	if !ValidPrincipal(principal) {
		return e, "the principal is not 1 to 64 of A-Z a-z 0-9 . _ -"
	}
	credential, rest := nextField(rest)
	if !e.Credential.parse(credential) {
		if whole := len(credentialPrefix) + 2*len(e.Credential); len(credential) > whole && e.Credential.parse(credential[:whole]) {
			return Entry{}, "text is joined to the 64 digits of the credential; put a space or the missing newline after them"
		}
		return Entry{}, "the credential after the principal is not sha256: and 64 hexadecimal digits"
	}
	if e.Credential == emptyCredential {
		return e, "the credential is that of an empty token"
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
			if e.Expires, ok = parseTime(value); !ok {
				return "expires= is not followed by an RFC 3339 time such as 2027-01-31T00:00:00Z, or a date such as 2027-01-31"
			}
		case "created":
			if hasCreated {
				return "created= twice"
			}
			hasCreated = true
			var ok bool
			if e.Created, ok = parseTime(value); !ok {
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
	for name := range strings.SplitSeq(list, ",") {
		if !ValidScope(name) {
			return nil, "scope= is not followed by a comma list of scopes, each of 1 to 64 printable ASCII characters without quote, comma and backslash"
		}
		scopes = append(scopes, name)
	}
	if len(scopes) > 1 && slices.Contains(scopes, AnyScope) {
		return nil, "scope=* beside other scopes"
	}
	p.scopes[list] = scopes
	return scopes, ""
}

func (c *Credential) parse(field []byte) bool {
	digits, ok := bytes.CutPrefix(field, []byte(credentialPrefix))
	return ok && decodeHex(c[:], digits)
}

func intern(known map[string]string, name []byte) string {
	if s, ok := known[string(name)]; ok {
		return s
	}
	s := string(name)
	known[s] = s
	return s
}

// duplicates returns the first lines whose credential an earlier line has too. It
// sorts numbers, not credentials, so it leaves no copies of credentials behind.
func duplicates(entries []Entry) (wrong ParseErrors) {
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
			wrong = append(wrong, &ParseError{Line: entries[i].Line, Reason: ErrDuplicateCredential.Error()})
		}
	}
	return wrong
}

// String is the entry as a line of a keyring, without a line end.
func (e Entry) String() string {
	var b strings.Builder
	b.WriteString(e.Principal + " " + credentialPrefix)
	b.Write(appendHex(nil, e.Credential[:]))
	if len(e.Scopes) > 0 {
		b.WriteString(" scope=" + strings.Join(e.Scopes, ","))
	}
	if e.Expires != Never {
		b.WriteString(" expires=" + formatTime(e.Expires))
	}
	if e.Created != 0 {
		created := formatTime(e.Created)
		b.WriteString(" created=" + strings.TrimSuffix(created, midnight))
	}
	return b.String()
}

// WipeEntries overwrites the credentials of entries.
func WipeEntries(entries []Entry) {
	for i := range entries {
		clear(entries[i].Credential[:])
	}
}
