//go:build unix

package tokens

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// TestWritableByOthers: the file, and each directory around it, where its owner is not
// the only one who can write.
func TestWritableByOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, inner, outer fs.FileMode
		want               []string
	}{
		"private":                   {0o600, 0o700, 0o755, nil},
		"readable by all":           {0o644, 0o755, 0o755, nil},
		"group":                     {0o660, 0o755, 0o755, []string{"OUTER/inner/file can be changed by others than its owner (mode 0660); run chmod go-w OUTER/inner/file"}},
		"all":                       {0o602, 0o755, 0o755, []string{"OUTER/inner/file can be changed by others than its owner (mode 0602); run chmod go-w OUTER/inner/file"}},
		"directory":                 {0o600, 0o777, 0o755, []string{"OUTER/inner/file can be replaced by others than its owner, who can write the directory OUTER/inner (mode 0777); run chmod go-w OUTER/inner"}},
		"directory above":           {0o600, 0o755, 0o775, []string{"OUTER/inner/file can be replaced by others than its owner, who can write the directory OUTER (mode 0775); run chmod go-w OUTER"}},
		"sticky":                    {0o600, 0o777 | fs.ModeSticky, 0o777 | fs.ModeSticky, nil},
		"sticky, and the file open": {0o666, 0o777 | fs.ModeSticky, 0o755, []string{"OUTER/inner/file can be changed by others than its owner (mode 0666); run chmod go-w OUTER/inner/file"}},
		"all of them": {0o622, 0o720, 0o702, []string{
			"OUTER/inner/file can be changed by others than its owner (mode 0622); run chmod go-w OUTER/inner/file",
			"OUTER/inner/file can be replaced by others than its owner, who can write the directory OUTER/inner (mode 0720); run chmod go-w OUTER/inner",
			"OUTER/inner/file can be replaced by others than its owner, who can write the directory OUTER (mode 0702); run chmod go-w OUTER",
		}},
	} {
		outer := t.TempDir()
		inner := filepath.Join(outer, "inner")
		if err := os.Mkdir(inner, 0o700); err != nil {
			t.Fatal(err)
		}
		file := tokentest.WriteFile(t, filepath.Join(inner, "file"), "x")
		chmod(t, file, c.file)
		chmod(t, inner, c.inner)
		chmod(t, outer, c.outer)
		want := strings.ReplaceAll(strings.Join(c.want, "\n"), "OUTER", outer)
		if got := strings.Join(writableByOthers(file), "\n"); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
}

// TestWritableBehindLinks: a symbolic link is looked at where it is, and where it leads.
func TestWritableBehindLinks(t *testing.T) {
	t.Parallel()
	here, there := t.TempDir(), t.TempDir()
	file, link := tokentest.WriteFile(t, filepath.Join(there, "a file"), "x"), filepath.Join(here, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	chmod(t, file, 0o622)
	chmod(t, here, 0o777)
	chmod(t, there, 0o777)
	got := strings.Join(writableByOthers(link), "\n")
	for _, want := range []string{
		link + " can be changed by others than its owner (mode 0622); run chmod go-w " + link,
		"write the directory " + here + " (mode 0777)", "write the directory " + there + " (mode 0777)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	if got := writableByOthers(file); len(got) != 2 || !strings.HasSuffix(got[0], " run chmod go-w '"+file+"'") {
		t.Errorf("%q", got)
	}
	if got := writableByOthers(file + "-none"); got != nil {
		t.Errorf("a file that is not there: %q", got)
	}
}

// TestWarnsOfWritableFilesOnce: for both files, at a start and after a change, and not
// again while it stays so.
func TestWarnsOfWritableFilesOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keyring := tokentest.WriteFile(t, filepath.Join(dir, "keyring"), tokentest.Keyring(1))
	token := tokentest.WriteFile(t, filepath.Join(dir, "token"), tokentest.Good)
	chmod(t, token, 0o660)
	log := new(strings.Builder)
	s, err := Open(Options{Keyring: keyring, TokenFile: token, MinLength: 32, Names: testNames, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	logged := func() string {
		defer log.Reset()
		var warnings []string
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "level=WARN") {
				warnings = append(warnings, line)
			}
		}
		return strings.Join(warnings, "")
	}
	if _, err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := logged(); !strings.Contains(got, "TOKEN_FILE: "+token+" can be changed") || strings.Count(got, "\n") != 1 {
		t.Errorf("at the start: %q", got)
	}
	r := reloader{Sources: s, use: func(k *core.Keyring) { k.Wipe() }}
	r.reload(true, false)
	if got := logged(); got != "" {
		t.Errorf("it is as it was: %q", got)
	}
	chmod(t, keyring, 0o606)
	s.look(time.Now())
	if !s.look(time.Now()) {
		t.Error("a change of the mode is not seen")
	}
	r.reload(false, false)
	if got := logged(); !strings.Contains(got, "KEYRING: "+keyring+" can be changed") || strings.Count(got, "\n") != 1 {
		t.Errorf("after a change: %q", got)
	}
	chmod(t, keyring, 0o600)
	r.reload(true, false)
	chmod(t, keyring, 0o606)
	r.reload(true, false)
	if got := logged(); !strings.Contains(got, "KEYRING: "+keyring+" can be changed") || strings.Count(got, "\n") != 1 {
		t.Errorf("after another: %q", got)
	}
}
