package regularfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestState: every way of replacing a file changes its state, even if it
// restores size and modification time.
func TestState(t *testing.T) {
	t.Parallel()
	stamp := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	setBack := func(path string) {
		t.Helper()
		if err := os.Chtimes(path, stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(path string){
		"in place": func(path string) { tokentest.WriteFile(t, path, "new") },
		"renamed": func(path string) {
			tokentest.WriteFile(t, path+".new", "new")
			setBack(path + ".new")
			tokentest.Rename(t, path+".new", path)
		},
		"removed": func(path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "file"), "old")
		setBack(path)
		before := StateOf(path)
		if name == "in place" && before.changed.IsZero() {
			continue // there is nothing to tell it by
		}
		if !before.Equal(StateOf(path)) {
			t.Errorf("%s: two looks at one file differ", name)
		}
		time.Sleep(20 * time.Millisecond) // more than the tick that change times are counted in
		change(path)
		if _, err := os.Stat(path); err == nil {
			setBack(path)
		}
		if StateOf(path).Equal(before) {
			t.Errorf("%s: it is not seen", name)
		}
	}
}
