package docs_test

import (
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readArchitecture(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// foldersShown returns the folders of the tree in architecture.md, each with what
// the tree says of it.
func foldersShown(t *testing.T, text string) map[string]string {
	t.Helper()
	_, after, _ := strings.Cut(text, "## Folders\n\n```\n")
	tree, _, ok := strings.Cut(after, "```")
	if !ok {
		t.Fatal("architecture.md has no tree")
	}
	shown := map[string]string{}
	var above []string
	for line := range strings.Lines(tree) {
		name, says, _ := strings.Cut(strings.TrimSpace(line), "/")
		depth := (len(line) - len(strings.TrimLeft(line, " "))) / 2
		if depth > len(above) {
			t.Fatalf("%q is in no folder", line)
		}
		above = append(above[:depth], name)
		shown[path.Join(above...)] = strings.TrimSpace(says)
	}
	return shown
}

// synopses are the doc comments of this module's packages, by their folders.
func synopses(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, folder := range packageFolders(t) {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc == nil || strings.HasSuffix(name, "_test.go") {
				continue
			}
			if found[folder] != "" {
				t.Errorf("%s has a doc comment, and so has another file of the package", name)
			}
			found[folder] = strings.Join(strings.Fields(file.Doc.Text()), " ")
		}
		if found[folder] == "" {
			t.Errorf("package %s has no doc comment", folder)
		}
	}
	return found
}

// TestTreeIsWhatIsThere: the tree shows every package and every folder of the root,
// and what it says of a package is the beginning of the package's doc comment.
func TestTreeIsWhatIsThere(t *testing.T) {
	t.Parallel()
	shown := foldersShown(t, readArchitecture(t))
	for folder := range shown {
		if entry, err := os.Stat(filepath.Join("..", folder)); err != nil || !entry.IsDir() {
			t.Errorf("the tree shows %s, which is no folder", folder)
		}
	}
	root, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range root {
		if _, ok := shown[entry.Name()]; entry.IsDir() && !ok && entry.Name()[0] != '.' && entry.Name() != "dist" {
			t.Errorf("the tree does not show %s", entry.Name())
		}
	}
	brackets := strings.NewReplacer("[", "", "]", "") // of links
	for folder, doc := range synopses(t) {
		says, ok := shown[folder]
		if !ok {
			t.Errorf("the tree does not show the package %s", folder)
			continue
		}
		beginning := `^(?:Package|Command) ` + path.Base(folder) + ` ` + regexp.QuoteMeta(says) + `\b`
		if says == "" || !regexp.MustCompile(beginning).MatchString(brackets.Replace(doc)) {
			t.Errorf("the tree says of %s that it %q; its doc comment begins %q", folder, says, doc[:min(len(doc), 100)])
		}
	}
}

// TestPlacesToChange: each row of the table names a file or folder, and a name that
// stands in it.
func TestPlacesToChange(t *testing.T) {
	t.Parallel()
	_, after, _ := strings.Cut(readArchitecture(t), "| to change | look at |\n|---|---|\n")
	table, _, _ := strings.Cut(after, "\n\n")
	row := regexp.MustCompile("^\\| [^|]+ \\| \\[([^]]+)\\]\\(\\.\\./([^)]+)\\)(?:, `(\\w+)`)? \\|$")
	rows := 0
	for line := range strings.Lines(table) {
		rows++
		m := row.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || m[1] != m[2] {
			t.Errorf("%q has another form than the other rows", line)
			continue
		}
		place := filepath.Join("..", m[2])
		if _, err := os.Stat(place); err != nil {
			t.Errorf("%s: %v", m[2], err)
			continue
		}
		if m[3] == "" {
			continue
		}
		text, err := os.ReadFile(place)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`\b` + m[3] + `\b`).Match(text) {
			t.Errorf("%s has no %s", m[2], m[3])
		}
	}
	if rows < 10 {
		t.Errorf("the table has %d rows", rows)
	}
}
