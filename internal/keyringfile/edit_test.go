package keyringfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/setting"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

func readString(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// adds returns a change that appends an entry.
func adds(name string) func(*Text) error {
	return func(t *Text) error { return t.Append(entryOf(name, name)) }
}

func names(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") { // see openLockFile
			names = append(names, e.Name())
		}
	}
	return names
}

// TestEdit: the new text is in the file when confirm is called, and nothing else is
// left.
func TestEdit(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), "# mine\n"+line("a")+"\n")
	want := "# mine\n" + line("a") + "\n" + line("b") + "\n"
	confirmed := 0
	err := Edit(t.Context(), path, adds("b"), func() error {
		confirmed++
		if got := readString(t, path); got != want {
			t.Errorf("at the time it is confirmed: %q", got)
		}
		return nil
	})
	if err != nil || confirmed != 1 {
		t.Errorf("%v, confirmed %d times", err, confirmed)
	}
	if got := readString(t, path); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := names(t, filepath.Dir(path)); !slices.Equal(got, []string{"keyring"}) {
		t.Errorf("the folder has %q", got)
	}
}

// TestEditChangesNothing: if there is nothing to change, the file is not written.
func TestEditChangesNothing(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), line("a")+"\n")
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	confirmed := 0
	if err := Edit(t.Context(), path, func(*Text) error { return nil }, func() error { confirmed++; return nil }); err != nil || confirmed != 1 {
		t.Errorf("%v, confirmed %d times", err, confirmed)
	}
	errNo := errors.New("no")
	if err := Edit(t.Context(), path, func(text *Text) error { text.Remove(0); return errNo }, nil); !errors.Is(err, errNo) {
		t.Error(err)
	}
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("another file, %v", err)
	}
}

// TestNotConfirmed: if confirm fails, all is as it was.
func TestNotConfirmed(t *testing.T) {
	t.Parallel()
	errNo := errors.New("no")
	fails := func() error { return errNo }
	folder := t.TempDir()
	path := filepath.Join(folder, "keyring")
	if err := Edit(t.Context(), path, adds("a"), fails); !errors.Is(err, errNo) {
		t.Error(err)
	}
	if got := names(t, folder); len(got) > 0 {
		t.Errorf("of a new file is left: %q", got)
	}
	tokentest.WriteFile(t, path, line("a")+"\n")
	for range 2 { // what the first leaves must not disturb the second
		if err := Edit(t.Context(), path, adds("b"), fails); !errors.Is(err, errNo) {
			t.Error(err)
		}
		if got := readString(t, path); got != line("a")+"\n" {
			t.Errorf("%q is left", got)
		}
		if got := names(t, folder); !slices.Equal(got, []string{"keyring"}) {
			t.Errorf("the folder has %q", got)
		}
	}
}

// TestNotConfirmedAndReplaced: what another program puts there while the change is being
// confirmed stays there.
func TestNotConfirmedAndReplaced(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", line("a") + "\n"} {
		path := filepath.Join(t.TempDir(), "keyring")
		if before != "" {
			tokentest.WriteFile(t, path, before)
		}
		theirs := "# theirs\n"
		err := Edit(t.Context(), path, adds("b"), func() error {
			tokentest.Rename(t, tokentest.WriteFile(t, path+".theirs", theirs), path)
			return errors.New("no")
		})
		if err == nil || !strings.Contains(err.Error(), "another program has replaced the file") {
			t.Errorf("%q: %v", before, err)
		}
		if got := readString(t, path); got != theirs {
			t.Errorf("%q: %q is left", before, got)
		}
	}
}

// TestLeftovers: what a process has left that was killed does no harm and does not stay.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := tokentest.WriteFile(t, filepath.Join(folder, "keyring"), line("a")+"\n")
	tokentest.WriteFile(t, filepath.Join(folder, ".keyring.new"), strings.Repeat("leftover\n", 1000))
	if err := Edit(t.Context(), path, adds("b"), nil); err != nil {
		t.Error(err)
	}
	if got, want := readString(t, path), line("a")+"\n"+line("b")+"\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := names(t, folder); !slices.Equal(got, []string{"keyring"}) {
		t.Errorf("the folder has %q", got)
	}
}

// TestRefused: what cannot be edited stays as it is, and the error says what to do.
func TestRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := func(name, text string) string { return tokentest.WriteFile(t, filepath.Join(folder, name), text) }
	broken := file("broken", line("a")+"\np sha256:00\nq\n")
	cut := file("cut", line("a"))
	for path, want := range map[string]string{
		"":                                       "no keyring is named; use --keyring PATH",
		broken:                                   broken + ":2: ",
		cut:                                      cut + ":1: the last line has no line end",
		folder:                                   folder + ": it is a directory, not a regular file",
		filepath.Join(folder, "none", "keyring"): "none does not exist; make it first",
		filepath.Join(cut, "keyring"):            "not a directory",
	} {
		called := false
		err := Edit(t.Context(), path, func(*Text) error { called = true; return nil }, nil)
		if err == nil || !strings.Contains(err.Error(), want) || called {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if lasts := path != filepath.Join(folder, "none", "keyring"); setting.Lasts(err) != lasts {
			t.Errorf("%s: lasts: %t", path, !lasts)
		}
		if _, err := Read(path); err == nil {
			t.Errorf("%s is read", path)
		}
	}
	if _, err := Read(filepath.Join(folder, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if got := readString(t, broken) + readString(t, cut); got != line("a")+"\np sha256:00\nq\n"+line("a") {
		t.Errorf("%q is left", got)
	}
}

// TestTargetMeanwhile: a keyring may come while it is looked for.
func TestTargetMeanwhile(t *testing.T) {
	t.Parallel()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		path := filepath.Join(folder, fmt.Sprint(i))
		made := make(chan error, 1)
		go func() { made <- os.WriteFile(path, nil, 0o600) }()
		for range 10 {
			if got, err := target(path); err != nil || got != path {
				t.Fatalf("%s, %v", got, err)
			}
		}
		if err := <-made; err != nil {
			t.Fatal(err)
		}
	}
}

// TestWritersAtOnce: of twelve that edit one file, which does not exist at first, none
// undoes what another did.
func TestWritersAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyring")
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			for j := range 4 {
				if err := Edit(t.Context(), path, adds(fmt.Sprintf("p%d-%d", i, j)), nil); err != nil {
					t.Error(err)
				}
			}
			gone := fmt.Sprintf("p%d-0", i)
			err := Edit(t.Context(), path, func(text *Text) error {
				entry := slices.IndexFunc(text.Entries(), func(e core.Entry) bool { return e.Principal == gone })
				if entry < 0 {
					return errors.New(gone + " is not there")
				}
				text.Remove(entry)
				return nil
			}, nil)
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	text, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, e := range text.Entries() {
		found[e.Principal]++
	}
	for i := range 12 {
		for j := range 4 {
			if name := fmt.Sprintf("p%d-%d", i, j); found[name] != min(j, 1) {
				t.Errorf("%s is there %d times", name, found[name])
			}
		}
	}
	if got := names(t, filepath.Dir(path)); !slices.Equal(got, []string{"keyring"}) {
		t.Errorf("the folder has %q", got)
	}
}
