// Package deptest tests what packages import. A rule such as «core does no I/O» or
// «server never imports cmd» stays true only if a test fails on the import that
// breaks it.
//
// It reads source files and runs no tool, so that it sees the files of every
// platform and works in tests that run as WebAssembly. Test files do not count.
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
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Standard stands for all packages of the standard library in an allowlist of
// [Imports].
const Standard = "std"

// Imports fails the test if a package that pattern names imports one that is not
// allowed.
//
// A pattern is a folder of the module, such as "core". With "/..." behind it,
// it names the folders below as well; "..." names all of the module. Folders called
// testdata and nested modules are left out, as the go tool leaves them out.
//
// allowed has such patterns for packages of the module, import paths for
// packages of other modules and of the standard library, and [Standard]. An entry
// that no import needs fails the test, so that the list stays as short as it can
// be.
func Imports(t testing.TB, pattern string, allowed ...string) {
	t.Helper()
	m := findModule(t)
	needed := map[string]bool{}
	for _, p := range m.packages(t, pattern) {
		for name, file := range p.files {
			for _, spec := range file.Imports {
				imported := importPath(spec)
				i := slices.IndexFunc(allowed, func(entry string) bool { return m.allows(entry, imported) })
				if i < 0 {
					t.Errorf("%s imports %s; %s may import only %s", name, imported, p.folder, strings.Join(allowed, ", "))
					continue
				}
				needed[allowed[i]] = true
			}
		}
	}
	for _, entry := range allowed {
		if !needed[entry] {
			t.Errorf("%s may import %s and does not; remove it from the list", pattern, entry)
		}
	}
}

// Pure fails the test if a package that pattern names can do more than compute. It
// must not start a goroutine, use a channel or have an init function, and it may
// import only what allowed lists, under the packages' own names.
//
// The value of an entry lists what may be used of the package; nil allows all of
// it. Direct imports alone count, because even crypto/sha256 reaches package os
// in the end. An entry that no import needs fails the test.
func Pure(t testing.TB, pattern string, allowed map[string][]string) {
	t.Helper()
	used := map[string]bool{}
	for _, p := range findModule(t).packages(t, pattern) {
		for name, file := range p.files {
			named := map[string]string{} // import path by the name that it has here
			for _, spec := range file.Imports {
				imported := importPath(spec)
				if _, ok := allowed[imported]; !ok || spec.Name != nil {
					t.Errorf("%s imports %s", name, spec.Path.Value)
				}
				used[imported] = true
				named[path.Base(imported)] = imported
			}
			for _, offence := range impurities(file, named, allowed) {
				t.Errorf("%s %s", name, offence)
			}
		}
	}
	for imported := range allowed {
		if !used[imported] {
			t.Errorf("%s may import %s and does not; remove it from the list", pattern, imported)
		}
	}
}

// impurities lists what a file does besides computing.
func impurities(file *ast.File, named map[string]string, allowed map[string][]string) (offences []string) {
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.GoStmt, *ast.ChanType, *ast.SelectStmt:
			offences = append(offences, "has a goroutine or a channel")
		case *ast.FuncDecl:
			if node.Name.Name == "init" && node.Recv == nil {
				offences = append(offences, "has an init function")
			}
		case *ast.SelectorExpr:
			of, ok := node.X.(*ast.Ident)
			if !ok || of.Obj != nil {
				return true
			}
			imported, ok := named[of.Name]
			if names := allowed[imported]; ok && names != nil && !slices.Contains(names, node.Sel.Name) {
				offences = append(offences, "uses "+imported+"."+node.Sel.Name)
			}
		}
		return true
	})
	return offences
}

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

// allows reports whether an entry of an allowlist allows an import.
func (m module) allows(entry, imported string) bool {
	if entry == imported {
		return true
	}
	folder, inside := strings.CutPrefix(imported, m.path+"/")
	if !inside {
		// Only the standard library has no dot in the first element of its paths.
		first, _, _ := strings.Cut(imported, "/")
		return entry == Standard && !strings.Contains(first, ".")
	}
	return matches(entry, folder)
}

// matches reports whether pattern names a folder.
func matches(pattern, folder string) bool {
	above, all := strings.CutSuffix(pattern, "...")
	if !all {
		return folder == pattern
	}
	return strings.HasPrefix(folder+"/", above)
}

// sources are the files of one folder, by their names from the module's root.
type sources struct {
	folder string
	files  map[string]*ast.File
}

// packages parses the folders that pattern names and that have source files.
func (m module) packages(t testing.TB, pattern string) (found []sources) {
	t.Helper()
	start := strings.TrimSuffix(strings.TrimSuffix(pattern, "..."), "/")
	err := filepath.WalkDir(filepath.Join(m.root, filepath.FromSlash(start)), func(at string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(m.root, at)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(relative)
		if name != "." && (strings.ContainsAny(entry.Name()[:1], "._") || entry.Name() == "testdata" || isModule(at)) {
			return filepath.SkipDir
		}
		if !matches(pattern, name) {
			if name != start {
				return filepath.SkipDir
			}
			return nil
		}
		files, err := parseFolder(at, name)
		if len(files) > 0 {
			found = append(found, sources{folder: name, files: files})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatalf("the pattern %s names no package", pattern)
	}
	return found
}

func isModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

func parseFolder(folder, name string) (map[string]*ast.File, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	files := map[string]*ast.File{}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, entry.Name()), nil, 0)
		if err != nil {
			return nil, err
		}
		files[path.Join(name, entry.Name())] = file
	}
	return files, nil
}

func importPath(spec *ast.ImportSpec) string {
	imported, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return imported
}
