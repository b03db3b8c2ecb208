package core_test

import (
	"bytes"
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
)

// FuzzParseKeyring: what is accepted can be written down again and means the
// same; what is refused is refused whole, in words that quote nothing of it.
func FuzzParseKeyring(f *testing.F) {
	for _, text := range vectors.KeyringTexts() {
		f.Add(text)
	}
	messages := knownMessages()
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		entries, err := core.ParseKeyring(text)
		if !bytes.Equal(text, before) {
			t.Fatal("parsing changed the text")
		}
		checkFile(t, text, err)
		if err != nil {
			checkRefusal(t, text, entries, err, messages)
			return
		}
		lines := bytes.SplitAfter(text, []byte("\n"))
		checkLines(t, lines, entries, core.EntryLines(text))
		var written []byte
		for i, e := range entries {
			checkEntry(t, e)
			if written, err = e.AppendLine(written); err != nil {
				if len(lines[core.EntryLines(text)[i]-1]) > core.MaxLine-len("T00:00:00Z") {
					return // a date is written as a time, so the line is too long now
				}
				t.Fatalf("%v cannot be written down: %v", e, err)
			}
			written = append(written, '\n')
		}
		again, err := core.ParseKeyring(written)
		if err != nil {
			t.Fatalf("written down again: %v", err)
		}
		if !slices.EqualFunc(entries, again, sameEntry) {
			t.Fatalf("%q became %q", entries, again)
		}
		if _, err := core.NewKeyring(constant{}, nil, entries); err != nil {
			t.Fatalf("entries that no keyring takes: %v", err)
		}
	})
}

// checkLines checks that each entry comes from the line that EntryLines names.
func checkLines(t *testing.T, lines [][]byte, entries []core.Entry, numbers []int) {
	t.Helper()
	if len(numbers) != len(entries) {
		t.Fatalf("%d entries on the lines %d", len(entries), numbers)
	}
	for i, n := range numbers {
		alone, err := core.ParseKeyring(lines[n-1])
		if err != nil || len(alone) != 1 || !sameEntry(alone[0], entries[i]) {
			t.Fatalf("entry %d is not that of line %d: %v", i, n, err)
		}
	}
}

// constant is a source of salts for tests that are not about these.
type constant struct{}

func (constant) Read(b []byte) (int, error) { return len(b), nil }

// checkFile checks that a file is accepted if and only if its text is and ends
// with a newline. err is what is wrong with the text.
func checkFile(t *testing.T, text []byte, err error) {
	t.Helper()
	ended := len(text) == 0 || text[len(text)-1] == '\n'
	if _, fileErr := core.ParseKeyringFile(text); (fileErr == nil) != (err == nil && ended) {
		t.Fatalf("as a file: %v; as a text: %v", fileErr, err)
	}
}

// knownMessages are the reasons of all refusals in the table. A refusal in
// other words would have been made up of the text.
func knownMessages() map[string]bool {
	messages := map[string]bool{}
	for _, v := range vectors.Keyrings() {
		_, err := core.ParseKeyring(v.Text)
		wrong, _ := errors.AsType[core.ParseErrors](err)
		for _, w := range wrong {
			messages[w.Reason] = true
		}
	}
	return messages
}

func checkRefusal(t *testing.T, text []byte, entries []core.Entry, err error, messages map[string]bool) {
	t.Helper()
	wrong, ok := errors.AsType[core.ParseErrors](err)
	if !ok || entries != nil || len(wrong) < 1 || len(wrong) > core.MaxParseErrors {
		t.Fatalf("error %v beside %d entries", err, len(entries))
	}
	// The lines before the first reported one parse on their own. So does the text
	// without the reported lines.
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i, w := range wrong {
		if w.Line < 1 || w.Line > len(lines) || i > 0 && w.Line <= wrong[i-1].Line {
			t.Fatalf("line %d of %d: %v", w.Line, len(lines), err)
		}
		if !messages[w.Reason] {
			t.Fatalf("a message that no vector has: %q", w.Reason)
		}
	}
	first := wrong[0].Line
	if _, err := core.ParseKeyring(bytes.Join(lines[:first-1], nil)); err != nil {
		t.Fatalf("line %d is reported, and without it: %v", first, err)
	}
	if _, err := core.ParseKeyring(bytes.Join(lines[:first], nil)); err == nil {
		t.Fatalf("line %d is reported, and nothing is wrong up to it", first)
	}
	if len(wrong) < core.MaxParseErrors && !strings.HasPrefix(wrong[0].Reason, "UTF-16") {
		for i := range wrong {
			lines[wrong[i].Line-1] = nil
		}
		rest := bytes.Join(lines, nil)
		if _, err := core.ParseKeyring(rest); err != nil && !strings.HasPrefix(err.Error(), "line 1: UTF-16") {
			t.Fatalf("without the lines of %v: %v", wrong, err)
		}
	}
}

var (
	principalForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+:/-]{0,127}$`)
	scopeForm     = regexp.MustCompile(`^[!#-+\--\[\]-~]{1,64}$`)
)

func checkEntry(t *testing.T, e core.Entry) {
	t.Helper()
	if !principalForm.MatchString(e.Principal) {
		t.Fatalf("principal %q", e.Principal)
	}
	for _, scope := range e.Scopes {
		if !scopeForm.MatchString(scope) || scope == core.AnyScope && len(e.Scopes) > 1 {
			t.Fatalf("scopes %q", e.Scopes)
		}
	}
}

func sameEntry(a, b core.Entry) bool {
	return a.Principal == b.Principal && a.Credential == b.Credential && a.Expires == b.Expires && a.Created == b.Created && slices.Equal(a.Scopes, b.Scopes)
}

// A plainEntry is an entry of the reference, which knows the tokens.
type plainEntry struct {
	principal, token string
	scopes           []string
	expires          int64
}

// plainAuthorize is the verdict told in another way: tokens in plain text,
// compared one after the other, the single token last.
func plainAuthorize(entries []plainEntry, authorization string, fields int, required string, now int64) (reason core.Reason, principal string) {
	value := strings.Trim(authorization, " \t")
	scheme, token, _ := strings.Cut(strings.ReplaceAll(value, "\t", " "), " ")
	token = value[len(value)-len(strings.TrimLeft(token, " ")):]
	switch {
	case len(entries) == 0:
		return core.Unconfigured, ""
	case fields > 1:
		return core.Malformed, ""
	case fields < 1 || value == "":
		return core.Missing, ""
	case !strings.EqualFold(scheme, "Bearer") || token == "":
		return core.Malformed, ""
	}
	for _, e := range entries {
		if e.token != token {
			continue
		}
		switch {
		case e.expires <= now:
			return core.Expired, e.principal
		case !plainSatisfies(e.scopes, required):
			return core.InsufficientScope, e.principal
		}
		return core.Granted, e.principal
	}
	return core.Unknown, ""
}

func plainSatisfies(scopes []string, required string) bool {
	needs := strings.FieldsFunc(required, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(needs) == 0 && required != "" {
		return false
	}
	for _, need := range needs {
		if !scopeForm.MatchString(need) || !slices.Contains(scopes, need) && !slices.Equal(scopes, []string{"*"}) {
			return false
		}
	}
	return true
}

// plainEntries makes entries of tokens, one a line, with attributes of a byte
// each: five bits choose scopes, three the expiry.
func plainEntries(single string, tokens, attributes []byte, now int64) []plainEntry {
	var entries []plainEntry
	seen := map[string]bool{}
	names := []string{"read", "write", "metrics", "a"}
	for i, line := range bytes.Split(tokens, []byte("\n")) {
		if len(line) == 0 || seen[string(line)] || len(entries) > 100 {
			continue
		}
		seen[string(line)] = true
		e := plainEntry{principal: "p" + string(rune('0'+i%10)), token: string(line), expires: core.Never}
		a := byte(0)
		if len(attributes) > 0 {
			a = attributes[i%len(attributes)]
		}
		for bit, name := range names {
			if a>>bit&1 != 0 {
				e.scopes = append(e.scopes, name)
			}
		}
		if a&0x10 != 0 {
			e.scopes = []string{core.AnyScope}
		}
		switch a >> 5 {
		case 1:
			e.expires = now
		case 2:
			e.expires = max(now, math.MinInt64+1) - 1
		case 3:
			e.expires = min(now, math.MaxInt64-1) + 1
		case 4:
			e.expires = 0
		}
		entries = append(entries, e)
	}
	if single != "" {
		entries = append(entries, plainEntry{core.DefaultPrincipal, single, []string{core.AnyScope}, core.Never})
	}
	return entries
}

// FuzzAuthorize holds the verdict against the plain one.
func FuzzAuthorize(f *testing.F) {
	for _, v := range vectors.Verdicts() {
		r, _ := requestOf(&v)
		token, _ := bytes.CutPrefix(r.Authorization, []byte("Bearer "))
		f.Add(r.Authorization, uint8(r.AuthorizationCount), r.Scopes, v.Now, v.Token, slices.Concat([]byte("other\n"), token, []byte("\nthird")), []byte{0x10, 0x23, 0x01})
		f.Add(r.Authorization, uint8(r.AuthorizationCount), r.Scopes, v.Now, []byte(nil), token, []byte{0x63})
		f.Add(r.Authorization, uint8(r.AuthorizationCount), r.Scopes, v.Now, v.Token, slices.Concat([]byte("first\n"), v.Token), []byte{0x01, 0x22})
	}
	f.Fuzz(func(t *testing.T, authorization []byte, fields uint8, required []byte, now int64, single, tokens, attributes []byte) {
		plain := plainEntries(string(single), tokens, attributes, now)
		var entries []core.Entry
		for _, e := range plain[:len(plain)-min(len(single), 1)] {
			entries = append(entries, core.Entry{Principal: e.principal, Credential: core.CredentialOf([]byte(e.token)), Scopes: e.scopes, Expires: e.expires})
		}
		k, err := core.NewKeyring(constant{}, single, entries)
		if err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(authorization)
		r := core.Request{Authorization: authorization, AuthorizationCount: int(fields), Scopes: required, Now: now}
		d := k.Authorize(r)
		reason, principal := plainAuthorize(plain, string(authorization), int(fields), string(required), now)
		if d.Reason != reason || d.Principal != principal {
			t.Fatalf("%v of %q, want %v of %q", d.Reason, d.Principal, reason, principal)
		}
		if !bytes.Equal(authorization, before) || k.Authorize(r) != d {
			t.Fatal("the verdict changed the value, or the next verdict")
		}
		if d.Granted() {
			// What the keyring stores of the token is no token.
			for _, e := range entries {
				if e.Credential == core.CredentialOf(trimmedToken(authorization)) {
					stolen := slices.Concat([]byte("Bearer "), e.Credential[:])
					if k.Authorize(core.Request{Authorization: stolen, AuthorizationCount: 1, Now: now}).Granted() {
						t.Fatal("a credential passes for a token")
					}
				}
			}
		}
	})
}

// trimmedToken is what follows the scheme.
func trimmedToken(authorization []byte) []byte {
	value := bytes.Trim(authorization, " \t")
	return bytes.TrimLeft(value[min(len(value), len("Bearer")):], " \t")
}
