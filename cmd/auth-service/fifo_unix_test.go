//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadSecretRefusesUnread: readSecret refuses at once what is not a regular
// file, and what is too large, without opening or reading it.
func TestReadSecretRefusesUnread(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(fifo, link); err != nil {
		t.Fatal(err)
	}
	large := writeFile(t, filepath.Join(dir, "large"), "")
	if err := os.Truncate(large, 600<<20); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		fifo: "is a FIFO, not a regular file", link: "is a FIFO, not a regular file",
		dir: "is a directory, not a regular file", os.DevNull: "is a device, not a regular file",
		large: "has 629145600 bytes; at most 65536 are read",
	} {
		done := make(chan error, 1)
		go func() {
			_, _, err := readSecret(path, maxTokenFile)
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v, want %q", path, err, want)
			}
			if !isConfiguration(err) {
				t.Errorf("%s: it is taken for what may pass", path)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s blocks", path)
		}
	}
}

// TestFIFOInPlaceOfAFile: a FIFO is an error at once, the service reads the next
// good file, and a start does not hang.
func TestFIFOInPlaceOfAFile(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{keyringVariable, tokenFileVariable} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			text := func(n int) string {
				if variable == keyringVariable {
					return keyringWith(n)
				}
				return testTokenNumber(n) + "\n"
			}
			path := writeFile(t, filepath.Join(t.TempDir(), "file"), text(1))
			s := startService(t, variable+"="+path)
			fifo := path + ".fifo"
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			rename(t, fifo, path)
			s.await(t, path+": is a FIFO, not a regular file")
			if got := s.status(t, testTokenNumber(1)); got != 200 {
				t.Errorf("the last good token: status %d", got)
			}
			refused := newService(t, variable+"="+path)
			if got := refused.exitStatus(t); got != exitConfiguration || !strings.Contains(refused.log.String(), "is a FIFO") {
				t.Errorf("a start with it: exit status %d: %s", got, refused.log)
			}
			rename(t, writeFile(t, path+".new", text(2)), path)
			s.awaitRotation(t, testTokenNumber(1), testTokenNumber(2))
		})
	}
}
