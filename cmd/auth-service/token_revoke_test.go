package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestRevokeNothing: if no token is removed, the file is not written at all.
func TestRevokeNothing(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.Keyring(1, 2))
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	touched := func() bool {
		t.Helper()
		after, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return !os.SameFile(before, after) || !after.ModTime().Equal(old)
	}
	for arguments, want := range map[string]int{"nobody": exitFailure, "nobody 00000000": exitFailure, "": exitConfiguration, "p --all": exitConfiguration} {
		if got, out := runCommand(t, "token revoke -k "+path+" "+arguments); got != want || touched() {
			t.Errorf("%q: exit status %d, want %d; touched: %v; %s", arguments, got, want, touched(), out)
		}
	}
	if got, out := runCommand(t, "token revoke -k "+path+" nobody p"); got != exitFailure || !touched() { // the control
		t.Errorf("exit status %d, %s", got, out)
	}
}

// runCommand runs a command line within the test, and returns its exit status and what
// it prints.
func runCommand(t *testing.T, line string) (status int, out string) {
	t.Helper()
	var b bytes.Buffer
	status = run(t.Context(), strings.Fields(line), &process{stdin: os.Stdin, stdout: &b, stderr: &b})
	return status, b.String()
}

// TestRevokedAndRotatedAtOnce: commands that edit one keyring at the same time undo
// nothing of each other, and a running service follows all of them.
func TestRevokedAndRotatedAtOnce(t *testing.T) {
	t.Parallel()
	const principals = 8 // even ones are revoked, odd ones rotated
	name := func(i int) string { return fmt.Sprint("p", i) }
	var lines strings.Builder
	lines.WriteString("# who may pass\n")
	for i := range principals + 1 {
		lines.WriteString(tokentest.Line(name(i), tokentest.Token(i), core.Never))
	}
	keyring := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), lines.String())
	s := startService(t, "AUTH_SERVICE_KEYRING="+keyring)
	var running sync.WaitGroup
	commands := make([]*tokenCommand, principals)
	for i := range commands {
		arguments := []string{"revoke", "-k", keyring, name(i)}
		if i%2 == 1 {
			arguments = []string{"rotate", "-k", keyring, name(i), "--grace", "0"}
		}
		c := newTokenCommand(t, arguments...)
		commands[i] = c
		running.Go(func() {
			if err := c.Run(); err != nil {
				t.Errorf("%v: %s", err, c.stderr.String())
			}
		})
	}
	running.Wait()
	follows := func(token string, want int) {
		t.Helper()
		for begun := time.Now(); s.status(t, token) != want; time.Sleep(10 * time.Millisecond) {
			if time.Since(begun) > patience {
				t.Fatalf("%q: want %d", token, want)
			}
		}
	}
	for i, c := range commands {
		follows(tokentest.Token(i), http.StatusUnauthorized)
		if i%2 == 1 {
			follows(c.printed(), http.StatusOK)
		}
	}
	follows(tokentest.Token(principals), http.StatusOK)
	if got := len(readKeyring(t, keyring)); got != principals+1 { // two lines of each that was rotated, and one more
		t.Errorf("%d lines", got)
	}
}
