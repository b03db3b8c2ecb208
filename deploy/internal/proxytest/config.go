package proxytest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/tokentest"
)

// Config writes a copy of an example configuration into dir, with addresses
// and paths replaced: pairs of what stands in the file and what shall stand
// there. Each must occur; where two fit, the first is taken. It returns the path
// of the copy.
func Config(tb testing.TB, dir, example string, replacements ...string) string {
	tb.Helper()
	text, err := os.ReadFile(example)
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(string(text), replacements[i]) {
			tb.Fatalf("%s has no %q to replace", example, replacements[i])
		}
	}
	replaced := strings.NewReplacer(replacements...).Replace(string(text))
	return WriteFile(tb, filepath.Join(dir, filepath.Base(example)), replaced)
}

// WriteFile writes a file by renaming a new one into its place, as
// configuration management does, and returns its path.
func WriteFile(tb testing.TB, path, text string) string {
	tb.Helper()
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(temporary, path); err != nil {
		tb.Fatal(err)
	}
	return path
}

// Keyring returns the text of a keyring in which "grafana" may use Metrics for
// the scope metrics and "ci" may use Deploy for metrics and deploy.
func Keyring() string {
	return tokentest.KeyringLine("grafana", Metrics, "scope=metrics") + tokentest.KeyringLine("ci", Deploy, "scope=metrics,deploy")
}
