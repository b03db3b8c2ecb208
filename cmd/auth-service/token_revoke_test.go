package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
