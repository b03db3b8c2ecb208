//go:build unix

package regularfile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/setting"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestReadRefusesUnread: Read refuses at once what is not a regular
// file, and what is too large, without opening or reading it.
func TestReadRefusesUnread(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(fifo, link); err != nil {
		t.Fatal(err)
	}
	large := tokentest.WriteFile(t, filepath.Join(dir, "large"), "")
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
			_, _, err := Read(path, 64<<10)
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v, want %q", path, err, want)
			}
			if !setting.Lasts(err) {
				t.Errorf("%s: it is taken for what may pass", path)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s blocks", path)
		}
	}
}

// TestReplaced: a file that is renamed into place is told from one that is written there.
func TestReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if StateOf(path).Replaced(StateOf(path)) {
		t.Error("what does not exist was replaced")
	}
	write(path, "old")
	before := StateOf(path)
	for _, text := range []string{"written", "written again"} {
		if write(path, text); StateOf(path).Replaced(before) {
			t.Errorf("%s in place, it was replaced", text)
		}
	}
	write(path+".new", "new")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if !StateOf(path).Replaced(before) {
		t.Error("another file in its place did not replace it")
	}
}
