package main

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
)

// tokenCommand is the program with arguments that begin with token, and what it prints.
type tokenCommand struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

func newTokenCommand(t *testing.T, arguments ...string) *tokenCommand {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	c := &tokenCommand{Cmd: exec.Command(path, append([]string{"token"}, arguments...)...)}
	c.Env = []string{"A=1"}
	c.Stdout, c.Stderr = &c.stdout, &c.stderr
	return c
}

// printed returns the token that was printed whole, or "".
func (c *tokenCommand) printed() string {
	if token := tokenIn(c.stdout.String()); c.stdout.String() == token+"\n" {
		return token
	}
	return ""
}

// tokenIn finds a token made by token new in a text.
func tokenIn(text string) string { return regexp.MustCompile(`as_[0-9A-Za-z]{49}`).FindString(text) }

// readKeyring returns the lines of the tokens of a keyring, by their credential. A file
// that is not there has none.
func readKeyring(t *testing.T, path string) map[core.Credential]string {
	t.Helper()
	contents, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	entries, err := core.ParseKeyringFile(contents)
	if err != nil {
		t.Fatalf("%v: %q", err, contents)
	}
	lines := map[core.Credential]string{}
	for i, number := range core.EntryLines(contents) {
		lines[entries[i].Credential] = strings.Split(string(contents), "\n")[number-1]
	}
	return lines
}

// TestTwelveAtOnce: commands that edit one keyring at the same time lose no line, and a
// service takes each token that was printed.
func TestTwelveAtOnce(t *testing.T) {
	t.Parallel()
	const writers = 12
	keyring := filepath.Join(t.TempDir(), "keyring")
	s := startService(t, "AUTH_SERVICE_KEYRING="+keyring)
	commands := make([]*tokenCommand, writers)
	var running sync.WaitGroup
	for i := range commands {
		c := newTokenCommand(t, "new", "-k", keyring, "--principal", "writer-"+string(rune('a'+i)))
		commands[i] = c
		running.Go(func() {
			if err := c.Run(); err != nil {
				t.Errorf("%v: %s", err, c.stderr.String())
			}
		})
	}
	running.Wait()
	lines := readKeyring(t, keyring)
	if len(lines) != writers {
		t.Errorf("%d lines, want %d: %q", len(lines), writers, lines)
	}
	for i, c := range commands {
		line := lines[core.CredentialOf([]byte(c.printed()))]
		if principal := "writer-" + string(rune('a'+i)); !strings.HasPrefix(line, principal+" ") {
			t.Errorf("%s: its line is %q", principal, line)
		}
		for begun := time.Now(); s.status(t, c.printed()) != http.StatusOK; time.Sleep(10 * time.Millisecond) {
			if time.Since(begun) > patience {
				t.Fatalf("the token of line %q is denied: %s", line, s.log)
			}
		}
	}
}
