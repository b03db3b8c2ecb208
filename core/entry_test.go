package core_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

// TestAppendLineRefuses: what ParseKeyring would not read back is not written.
func TestAppendLineRefuses(t *testing.T) {
	with := func(change func(*core.Entry)) core.Entry {
		e := entryOf("ci", "token", "metrics")
		change(&e)
		return e
	}
	const firstSecond, lastSecond = -62167219200, 253402300799
	many := make([]string, 61)
	for i := range many {
		many[i] = strings.Repeat("s", 64)
	}
	tests := []struct {
		name     string
		entry    core.Entry
		contains string // of the error; empty if there is none
	}{
		{"as it is", with(func(*core.Entry) {}), ""},
		{"no principal", with(func(e *core.Entry) { e.Principal = "" }), "a principal is"},
		{"two fields for a principal", with(func(e *core.Entry) { e.Principal = "a b" }), "a principal is"},
		{"a comment for a principal", with(func(e *core.Entry) { e.Principal = "#ci" }), "a principal is"},
		{"no scope", with(func(e *core.Entry) { e.Scopes = nil }), ""},
		{"any scope", with(func(e *core.Entry) { e.Scopes = []string{core.AnyScope} }), ""},
		{"any scope and another", with(func(e *core.Entry) { e.Scopes = []string{core.AnyScope, "a"} }), "scope=* beside"},
		{"another and any scope", with(func(e *core.Entry) { e.Scopes = []string{"a", core.AnyScope} }), "scope=* beside"},
		{"an empty scope", with(func(e *core.Entry) { e.Scopes = []string{""} }), "a scope is"},
		{"two scopes in one", with(func(e *core.Entry) { e.Scopes = []string{"a,b"} }), "a scope is"},
		{"a line in a scope", with(func(e *core.Entry) { e.Scopes = []string{"a", "b\nroot"} }), "a scope is"},
		{"an empty token", with(func(e *core.Entry) { e.Credential = core.CredentialOf(nil) }), "of an empty token"},
		{"the first second", with(func(e *core.Entry) { e.Expires, e.Created = firstSecond, firstSecond }), ""},
		{"the last second", with(func(e *core.Entry) { e.Expires, e.Created = lastSecond, lastSecond }), ""},
		{"before the first second", with(func(e *core.Entry) { e.Expires = firstSecond - 1 }), "years 0 to 9999"},
		{"behind the last second", with(func(e *core.Entry) { e.Expires = lastSecond + 1 }), "years 0 to 9999"},
		{"made before the first second", with(func(e *core.Entry) { e.Created = firstSecond - 1 }), "years 0 to 9999"},
		{"made behind the last second", with(func(e *core.Entry) { e.Created = lastSecond + 1 }), "years 0 to 9999"},
		{"never made", with(func(e *core.Entry) { e.Created = core.Never }), "years 0 to 9999"},
		{"the longest line", with(func(e *core.Entry) { e.Scopes = append(many[:61:61], strings.Repeat("t", 50)) }), ""},
		{"a line too long", with(func(e *core.Entry) { e.Scopes = append(many[:61:61], strings.Repeat("t", 51)) }), "more than 4096 bytes"},
	}
	for _, tt := range tests {
		line, err := tt.entry.AppendLine([]byte("before "))
		written, ok := strings.CutPrefix(string(line), "before ")
		if !ok {
			t.Fatalf("%s: %q", tt.name, line)
		}
		if tt.contains != "" {
			if err == nil || !strings.Contains(err.Error(), tt.contains) || written != "" {
				t.Errorf("%s: %q, %v", tt.name, written, err)
			}
			continue
		}
		entries, parseErr := core.ParseKeyring([]byte(written))
		if err != nil || parseErr != nil || len(entries) != 1 || !sameEntry(entries[0], tt.entry) {
			t.Errorf("%s: %q, %v; read back: %v, %v", tt.name, written, err, entries, parseErr)
		}
	}
}

func TestEntryLines(t *testing.T) {
	line := func(principal string) string {
		written, err := entryOf(principal, principal).AppendLine(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(written)
	}
	for text, want := range map[string][]int{
		"":                            nil,
		"\n \t\n# a comment\n\t#\r\n": nil,
		line("a"):                     {1},
		"\r\n" + line("a") + "\r\n\n#x\n \t" + line("b") + "\n": {2, 5},
	} {
		if got := core.EntryLines([]byte(text)); !slices.Equal(got, want) {
			t.Errorf("%q: lines %v, want %v", text, got, want)
		}
	}
}

// FuzzAppendLine: a line that AppendLine writes is one entry, and the same; what it
// refuses, it leaves unwritten, in words that quote nothing.
func FuzzAppendLine(f *testing.F) {
	f.Add("ci", "token", "metrics,deploy", int64(core.Never), int64(0), true)
	f.Add("a b", "", "*,#", int64(-62167219200), int64(253402300799), false)
	f.Add("#ci", "token", "a b,\n", int64(0), int64(-1), true)
	f.Add("ci", "token", strings.Repeat(strings.Repeat("s", 64)+",", 62), int64(86400), int64(86400), true)
	f.Fuzz(func(t *testing.T, principal, token, scopes string, expires, created int64, split bool) {
		e := core.Entry{Principal: principal, Credential: core.CredentialOf([]byte(token)), Scopes: []string{scopes}, Expires: expires, Created: created}
		if split {
			e.Scopes = strings.FieldsFunc(scopes, func(c rune) bool { return c == ',' })
		}
		line, err := e.AppendLine([]byte("before\n"))
		written, ok := strings.CutPrefix(string(line), "before\n")
		switch {
		case !ok:
			t.Fatalf("%q: what was before is gone: %q", e, line)
		case err != nil:
			if written != "" || !slices.Contains(appendLineErrors, err.Error()) {
				t.Fatalf("%q: %q, %v", e, written, err)
			}
			return
		}
		for _, end := range []string{"", "\n", "\r\n", " # a comment\n"} {
			if len(written)+len(end) > core.MaxLine && end != "" {
				continue
			}
			entries, err := core.ParseKeyring([]byte(written + end))
			if err != nil || len(entries) != 1 || !sameEntry(entries[0], e) {
				t.Fatalf("%q read back from %q: %v, %v", e, written+end, entries, err)
			}
		}
	})
}

// appendLineErrors are all errors of AppendLine.
var appendLineErrors = []string{
	"a principal is 1 to 128 of the characters A-Z a-z 0-9 . _ - @ + : / and begins with a letter or a digit",
	"the credential is that of an empty token",
	"a scope is 1 to 64 printable ASCII characters other than space, quote, comma and backslash",
	"scope=* beside other scopes; write * alone, or leave it out",
	"a time is in none of the years 0 to 9999; for a token that does not expire, use Never",
	"the entry makes a line of more than 4096 bytes; give it fewer scopes",
}
