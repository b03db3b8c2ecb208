//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestFIFOInPlaceOfAFile: a FIFO is an error at once, the service reads the next
// good file, and a start does not hang.
func TestFIFOInPlaceOfAFile(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{cli.KeyringVariable, cli.TokenFileVariable} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			text := func(n int) string {
				if variable == cli.KeyringVariable {
					return tokentest.Keyring(n)
				}
				return tokentest.Token(n) + "\n"
			}
			path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "file"), text(1))
			s := startService(t, variable+"="+path)
			fifo := path + ".fifo"
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			tokentest.Rename(t, fifo, path)
			s.await(t, path+": it is a FIFO, not a regular file")
			if got := s.status(t, tokentest.Token(1)); got != 200 {
				t.Errorf("the last good token: status %d", got)
			}
			refused := newService(t, variable+"="+path)
			if got := refused.exitStatus(t); got != exitConfiguration || !strings.Contains(refused.log.String(), "is a FIFO") {
				t.Errorf("a start with it: exit status %d: %s", got, refused.log)
			}
			tokentest.Rename(t, tokentest.WriteFile(t, path+".new", text(2)), path)
			s.awaitRotation(t, tokentest.Token(1), tokentest.Token(2))
		})
	}
}
