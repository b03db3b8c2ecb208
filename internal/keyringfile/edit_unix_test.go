//go:build unix

package keyringfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/setting"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestLinksInACircle: they lead nowhere until somebody changes them.
func TestLinksInACircle(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyring")
	if err := os.Symlink("keyring", path); err != nil {
		t.Fatal(err)
	}
	err := Edit(t.Context(), path, adds("b"), nil)
	if want := path + ": " + syscall.ELOOP.Error(); err == nil || err.Error() != want || !setting.Lasts(err) {
		t.Errorf("%v, want a lasting error: %s", err, want)
	}
}

// TestLinksAreFollowed: the file that a link leads to is edited, and the link stays.
func TestLinksAreFollowed(t *testing.T) {
	t.Parallel()
	for name, links := range map[string]map[string]string{
		"one":              {"keyring": "real/file"},
		"a chain":          {"keyring": "second", "second": "real/../third", "third": "real/file"},
		"absolute":         {"keyring": "/real/file"}, // below the folder of the test
		"through a folder": {"keyring": "current/file", "current": "real"},
	} {
		for _, exists := range []bool{true, false} {
			folder, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(folder, "real"), 0o700); err != nil {
				t.Fatal(err)
			}
			file, want := filepath.Join(folder, "real", "file"), line("b")+"\n"
			if exists {
				tokentest.WriteFile(t, file, line("a")+"\n")
				want = line("a") + "\n" + want
			}
			for from, to := range links {
				if strings.HasPrefix(to, "/") {
					to = folder + to
				}
				if err := os.Symlink(to, filepath.Join(folder, from)); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(folder, "keyring")
			if err := Edit(t.Context(), path, adds("b"), nil); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeSymlink {
				t.Errorf("%s: the link is %v, %v", name, info, err)
			}
			if got := readString(t, file); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
			if got := names(t, filepath.Dir(file)); !slices.Equal(got, []string{"file"}) {
				t.Errorf("%s: the folder has %q", name, got)
			}
		}
	}
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if err := Edit(t.Context(), loop, adds("b"), nil); err == nil {
		t.Error("a link to itself is edited")
	}
}

// TestModeIsKept: the new file may be read by whom the old one could be, and a file that
// did not exist only by its owner.
func TestModeIsKept(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o644, 0o660, 0o400, fs.ModeSetgid | 0o640} {
		path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), line("a")+"\n")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := Edit(t.Context(), path, adds("b"), nil); err != nil {
			t.Errorf("%v: %v", mode, err)
			continue
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%v, %v, want %v", info.Mode(), err, mode)
		}
	}
	path := filepath.Join(t.TempDir(), "keyring")
	if err := Edit(t.Context(), path, adds("b"), nil); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("a new file has %v, %v", info.Mode(), err)
	}
}

// TestOwnerIsKept needs root, who alone can give a file away.
func TestOwnerIsKept(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		needtest.Missing(t, "this test has to be run as root")
	}
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), line("a")+"\n")
	if err := os.Chown(path, 12345, 54321); err != nil {
		t.Fatal(err)
	}
	if err := Edit(t.Context(), path, adds("b"), nil); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 12345 || stat.Gid != 54321 {
		t.Errorf("owner %d, group %d", stat.Uid, stat.Gid)
	}
}

// TestPipeIsRefused: nobody waits for a writer of it.
func TestPipeIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyring")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- Edit(t.Context(), path, adds("a"), nil) }()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "is a FIFO, not a regular file") {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it waits")
	}
}
