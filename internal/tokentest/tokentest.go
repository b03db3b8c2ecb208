// Package tokentest has tokens, keyrings and their files for tests.
package tokentest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

// Good is a token that nothing is wrong with.
const Good = "a-token-of-more-than-32-characters-0123"

// Token returns the token with a number.
func Token(n int) string {
	return fmt.Sprintf("reload-token-number-%04d-0123456789abcdef", n)
}

// Line returns a line of a keyring, with its newline: a principal's token that
// expires at a Unix second.
func Line(principal, token string, expires int64) string {
	return EntryLine(core.Entry{Principal: principal, Credential: core.CredentialOf([]byte(token)), Expires: expires})
}

// EntryLine returns the line of an entry, with its newline. It panics if the entry
// is not valid.
func EntryLine(e core.Entry) string {
	line, err := e.AppendLine(nil)
	if err != nil {
		panic(err)
	}
	return string(line) + "\n"
}

// Keyring returns the text of a keyring with the tokens that have these numbers,
// all of them one principal's.
func Keyring(numbers ...int) string {
	var b strings.Builder
	for _, n := range numbers {
		b.WriteString(Line("p", Token(n), core.Never))
	}
	return b.String()
}

// WriteFile writes a file that its owner alone may read, and returns its path.
func WriteFile(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Rename moves a file into the place of another.
func Rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// KeyringLine returns a line of a keyring, with its newline: a principal's token
// with attributes as they are in the file, such as "scope=metrics".
func KeyringLine(principal, token string, attributes ...string) string {
	e := core.Entry{Principal: principal, Credential: core.CredentialOf([]byte(token)), Expires: core.Never}
	return strings.Join(append([]string{strings.TrimSuffix(EntryLine(e), "\n")}, attributes...), " ") + "\n"
}
