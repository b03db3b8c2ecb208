package core_test

import (
	"bytes"
	"errors"
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
