package deptest

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// module is the module that the test belongs to.
type module struct {
	root string // its folder
	path string // what its import paths begin with
}

// findModule looks for go.mod in the folder that the test runs in and above.
func findModule(t testing.TB) module {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if err == nil {
			first, _, _ := strings.Cut(string(text), "\n")
			return module{root: folder, path: strings.TrimSpace(strings.TrimPrefix(first, "module "))}
		}
		above := filepath.Dir(folder)
		if !errors.Is(err, fs.ErrNotExist) || above == folder {
			t.Fatalf("no go.mod is found: %v", err)
		}
		folder = above
	}
}

// packages parses every package of the module. It returns them by their folders.
func (m module) packages(t testing.TB) map[string]map[string]*ast.File {
	t.Helper()
	found := map[string]map[string]*ast.File{}
	err := filepath.WalkDir(m.root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		folder, err := filepath.Rel(m.root, at)
		if err != nil {
			return err
		}
		folder = filepath.ToSlash(folder)
		if folder != "." && (strings.ContainsAny(entry.Name()[:1], "._") || entry.Name() == "testdata" || isModule(at)) {
			return filepath.SkipDir
		}
		if files := m.parse(t, folder); len(files) > 0 {
			found[folder] = files
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func isModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// parse parses the source files in a folder. It returns them by their names from the
// root of the module.
func (m module) parse(t testing.TB, folder string) map[string]*ast.File {
	t.Helper()
	at := filepath.Join(m.root, filepath.FromSlash(folder))
	entries, err := os.ReadDir(at)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(at, entry.Name()), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files[path.Join(folder, entry.Name())] = file
	}
	return files
}

func importPath(spec *ast.ImportSpec) string {
	imported, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return imported
}
