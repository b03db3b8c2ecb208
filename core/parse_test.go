package core_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
)

func TestParseKeyring(t *testing.T) {
	layerOf := map[string]string{}
	for _, v := range vectors.Keyrings() {
		t.Run(v.Name, func(t *testing.T) {
			text := bytes.Clone(v.Text)
			entries, err := core.ParseKeyring(text)
			compareParse(t, &v, entries, err, v.Errors)
			inFile, fileErr := core.ParseKeyringFile(text)
			compareParse(t, &v, inFile, fileErr, v.FileErrors)
			if !bytes.Equal(text, v.Text) {
				t.Error("parsing changed the text")
			}
			// A message that two layers share would not tell which of them refused.
			for _, refusal := range []struct {
				err  error
				want []vectors.KeyringError
			}{{err, v.Errors}, {fileErr, v.FileErrors}} {
				wrong, _ := errors.AsType[core.ParseErrors](refusal.err)
				for i := range min(len(wrong), len(refusal.want)) {
					reason, layer := wrong[i].Reason, refusal.want[i].Layer
					if known, ok := layerOf[reason]; ok && known != layer {
						t.Errorf("%q is a message of %s and of %s", reason, known, layer)
					}
					layerOf[reason] = layer
				}
			}
		})
	}
}

// compareParse compares the result for a vector's text with the expected one.
func compareParse(t *testing.T, v *vectors.Keyring, entries []core.Entry, err error, want []vectors.KeyringError) {
	t.Helper()
	if len(want) == 0 {
		if err != nil {
			t.Fatalf("%s: %v", v.Comment, err)
		}
		compareEntries(t, entries, v.Entries)
		return
	}
	if entries != nil {
		t.Errorf("%d entries beside an error", len(entries))
	}
	wrong, ok := errors.AsType[core.ParseErrors](err)
	if !ok || len(wrong) != len(want) {
		t.Fatalf("%s: error %v, want %d of them", v.Comment, err, len(want))
	}
	for i, w := range want {
		if wrong[i].Line != w.Line || !strings.Contains(wrong[i].Reason, w.Contains) {
			t.Errorf("%s: %v, want line %d: %s", v.Comment, wrong[i], w.Line, w.Contains)
		}
	}
	if v.Secret != nil && strings.Contains(err.Error(), string(v.Secret)) {
		t.Errorf("%s: the error repeats the secret", v.Comment)
	}
	if first, ok := errors.AsType[*core.ParseError](err); !ok || first != wrong[0] {
		t.Errorf("the first wrong line is %v", first)
	}
}

// TestParseKeyringOfWrongLines: a text that has only wrong lines costs no more
// than its first ones.
func TestParseKeyringOfWrongLines(t *testing.T) {
	text := bytes.Repeat([]byte("?\n"), 1_000_000)
	allocations := testing.AllocsPerRun(1, func() {
		if _, err := core.ParseKeyring(text); err == nil {
			t.Error("it is accepted")
		}
	})
	if allocations > 100 {
		t.Errorf("%v allocations for a million wrong lines", allocations)
	}
}

// TestParseKeyringAllocatesOnce: entries get room for as many as the text can hold and
// one more, and no slice that grows leaves copies of them behind.
func TestParseKeyringAllocatesOnce(t *testing.T) {
	const n = 1000
	var shortest strings.Builder
	for i := range n {
		fmt.Fprintf(&shortest, "p sha256:%064x\n", i)
	}
	for name, c := range map[string]struct {
		text string
		room int
	}{
		"no line":        {"", 1},
		"shortest lines": {shortest.String(), n + 1},
		"empty lines":    {strings.Repeat("\n", shortest.Len()), n + 1},
		"a long comment": {"#" + strings.Repeat(" ", 1000) + "\n", 2},
	} {
		entries, err := core.ParseKeyring([]byte(c.text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if cap(entries) != c.room {
			t.Errorf("%s: room for %d entries, want %d", name, cap(entries), c.room)
		}
	}
}

func compareEntries(t *testing.T, entries []core.Entry, want []string) {
	t.Helper()
	if len(entries) != len(want) {
		t.Fatalf("%d entries, want %d", len(entries), len(want))
	}
	for i, e := range entries {
		if line, err := e.AppendLine(nil); string(line) != want[i] || err != nil {
			t.Errorf("entry %d is %q, %v, want %q", i, line, err, want[i])
		}
	}
}

// Entries with the same scopes share them, and appending to those of one leaves the
// others as they are.
func TestScopesAreApart(t *testing.T) {
	text := ""
	for _, principal := range []string{"a", "b"} {
		line, err := entryOf(principal, principal, "x", "y", "z").AppendLine(nil)
		if err != nil {
			t.Fatal(err)
		}
		text += string(line) + "\n"
	}
	entries, err := core.ParseKeyring([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	one, other := append(entries[0].Scopes, "admin"), append(entries[1].Scopes, "guest")
	if one[3] != "admin" || other[3] != "guest" {
		t.Errorf("%q and %q", one, other)
	}
}
