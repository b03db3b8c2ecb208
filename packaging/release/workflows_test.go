package release

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestActionsArePinned: a tag can be moved by whoever takes over an action, a
// commit cannot.
func TestActionsArePinned(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root(t), ".github", "workflows", "*.yml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d workflows (%v)", len(paths), err)
	}
	pinned := regexp.MustCompile(`^(?:- )?uses: ([\w./-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$`)
	commits := map[string]string{}
	for _, name := range paths {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), "\npermissions:\n  contents: read\n") {
			t.Errorf("%s: jobs may do more than read unless they say so", filepath.Base(name))
		}
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSpace(line)
			if !strings.Contains(line, "uses:") {
				continue
			}
			m := pinned.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("%s: not pinned to a commit of a release: %s", filepath.Base(name), line)
				continue
			}
			if earlier, found := commits[m[1]]; found && earlier != m[2] {
				t.Errorf("%s: two commits of %s", filepath.Base(name), m[1])
			}
			commits[m[1]] = m[2]
		}
	}
	if len(commits) == 0 {
		t.Error("no action is used")
	}
}

// TestModulesAreWatched: dependabot raises what every module of the tree
// requires, goreleaser's apart.
func TestModulesAreWatched(t *testing.T) {
	config, err := os.ReadFile(filepath.Join(root(t), ".github", "dependabot.yml"))
	if err != nil {
		t.Fatal(err)
	}
	tree := os.DirFS(root(t))
	var found int
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := path.Base(name); entry.IsDir() && (base == ".git" || base == "dist" || base == "node_modules" || base == "testdata") {
			return fs.SkipDir
		}
		dir := path.Dir(name)
		if path.Base(name) != "go.mod" || dir == "." || dir == "tools/goreleaser" {
			return nil
		}
		found++
		if !strings.Contains(string(config), "      - /"+dir+"\n") {
			t.Errorf(".github/dependabot.yml does not name /%s", dir)
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d modules (%v)", found, err)
	}
}
