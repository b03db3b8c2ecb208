package keyringfile

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

func parse(t *testing.T, contents string) *Text {
	t.Helper()
	text, err := Parse([]byte(contents))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func entryOf(principal, token string) core.Entry {
	return core.Entry{Principal: principal, Credential: core.CredentialOf([]byte(token)), Expires: core.Never}
}

// TestParseVectors: a text that is not edited stays as it is, and what is not a
// keyring file is refused.
func TestParseVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors.Keyrings() {
		text, err := Parse(slices.Clone(v.Text))
		if (err == nil) != (len(v.FileErrors) == 0) {
			t.Errorf("%s: %v", v.Name, err)
		}
		if err == nil && (string(text.Bytes()) != string(v.Text) || len(text.Entries()) != len(v.Entries)) {
			t.Errorf("%s: %q with %d entries", v.Name, text.Bytes(), len(text.Entries()))
		}
	}
}

// TestOneLineChanges: whatever else is in the file stays, in its order.
func TestOneLineChanges(t *testing.T) {
	t.Parallel()
	a, b, c := line("a"), line("b"), line("c")
	const at = 1900000000
	expires := " expires=" + time.Unix(at, 0).UTC().Format(time.RFC3339)
	added := entryOf("d", "d")
	for _, test := range []struct {
		name, before, after string
		change              func(*Text) error
	}{
		{"append", "# one\n\n" + a + "\n\t# two\n", "# one\n\n" + a + "\n\t# two\n" + line("d") + "\n", func(t *Text) error { return t.Append(added) }},
		{"append to nothing", "", line("d") + "\n", func(t *Text) error { return t.Append(added) }},
		{"append to lines of Windows", a + "\r\n", a + "\r\n" + line("d") + "\r\n", func(t *Text) error { return t.Append(added) }},
		{"append twice", a + "\n", a + "\n" + line("d") + "\n" + line("e") + "\n", func(t *Text) error {
			return errors.Join(t.Append(added), t.Append(entryOf("e", "e")))
		}},
		{"remove the first", a + "\n# of b\n" + b + "\n" + c + "\n", "# of b\n" + b + "\n" + c + "\n", func(t *Text) error { t.Remove(0); return nil }},
		{"remove one between", a + "\n# of b\n" + b + " # too\n" + c + "\n", a + "\n# of b\n" + c + "\n", func(t *Text) error { t.Remove(1); return nil }},
		{"remove all", "#\n" + a + "\n" + b + "\n" + c + "\n", "#\n", func(t *Text) error { t.Remove(2); t.Remove(1); t.Remove(0); return nil }},
		{"remove two from the first", a + "\n" + b + "\n" + c + "\n", c + "\n", func(t *Text) error { t.Remove(0); t.Remove(0); return nil }},
		{"remove, then append", a + "\n" + b + "\n", b + "\n" + line("d") + "\n", func(t *Text) error { t.Remove(0); return t.Append(added) }},
		{"expire", a + "\n" + b + "\n", a + "\n" + b + expires + "\n", func(t *Text) error { return t.SetExpires(1, at) }},
		{"expire a line of Windows", a + " \r\n", a + expires + " \r\n", func(t *Text) error { return t.SetExpires(0, at) }},
		{"expire before a comment", a + "  scope=x,y\t# expires=2001-01-01\n", a + "  scope=x,y" + expires + "\t# expires=2001-01-01\n", func(t *Text) error { return t.SetExpires(0, at) }},
		{"expire sooner", "\t" + a + " expires=2100-01-01\tscope=x # y\n", "\t" + a + expires + "\tscope=x # y\n", func(t *Text) error { return t.SetExpires(0, at) }},
		{"expire the one behind", a + "\n" + b + "\n" + c + "\n", b + "\n" + c + expires + "\n", func(t *Text) error { t.Remove(0); return t.SetExpires(1, at) }},
	} {
		text := parse(t, test.before)
		if err := test.change(text); err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := string(text.Bytes()); got != test.after {
			t.Errorf("%s: %q, want %q", test.name, got, test.after)
		}
		read, want := text.Entries(), parse(t, test.after).Entries()
		if !slices.EqualFunc(read, want, func(a, b core.Entry) bool {
			return a.Principal == b.Principal && a.Credential == b.Credential && a.Expires == b.Expires
		}) {
			t.Errorf("%s: the entries are %v, want %v", test.name, read, want)
		}
	}
}

// line returns a line without attributes and without an end.
func line(principal string) string {
	return strings.TrimSuffix(tokentest.Line(principal, principal, core.Never), "\n")
}

// TestWhatDoesNotFit: a change that would make a broken file is refused, and changes
// nothing.
func TestWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	before := line("a") + " # " + strings.Repeat("x", core.MaxLine-len(line("a"))-3) + "\n"
	text := parse(t, before)
	if err := text.Append(entryOf("other", "a")); !errors.Is(err, core.ErrDuplicateCredential) {
		t.Errorf("the same token twice: %v", err)
	}
	if err := text.Append(entryOf("two words", "b")); err == nil {
		t.Error("a principal of two words is taken")
	}
	if err := text.SetExpires(0, 1900000000); err == nil || !strings.Contains(err.Error(), "shorten its comment") {
		t.Errorf("a line that gets too long: %v", err)
	}
	if err := text.SetExpires(0, core.Never); err == nil {
		t.Error("an expiry is set to never")
	}
	if err := text.SetExpires(0, 1<<50); err == nil {
		t.Error("a year of more than four digits is taken")
	}
	if got := string(text.Bytes()); got != before || len(text.Entries()) != 1 || text.Entries()[0].Expires != core.Never {
		t.Errorf("%q, %v", got, text.Entries())
	}
}
