// Package deptest tests what packages import. A rule such as «core does no I/O» or
// «server never imports cmd» stays true only if a test fails on the import that
// breaks it.
//
// It reads source files and runs no tool, so that it sees the files of every
// platform and works in tests that run as WebAssembly. Test files do not count.
package deptest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// A Package says what one package of the module may import besides the standard
// library.
type Package struct {
	Folder  string   // from the root of the module, such as "core/vectors"
	Imports []string // folders of the module; the list has them before this package
	Others  []string // import paths of packages of other modules
}

// Order fails the test if a package of the module imports one that comes after it
// in the list, or one that its entry does not name. So imports point one way, and
// a new import is a conscious change of the list.
//
// The list has every package of the module, from the bottom to the top. A package
// without an entry fails the test. So does an entry that names no package, and an
// import that is listed and not there. Folders called testdata and nested modules
// are left out, as the go tool leaves them out.
func Order(t testing.TB, list []Package) {
	t.Helper()
	m := findModule(t)
	found := m.packages(t)
	before := map[string]bool{}
	for _, entry := range list {
		files, ok := found[entry.Folder]
		if !ok || before[entry.Folder] {
			t.Errorf("the list has %s, which is no package or has an entry already; remove it", entry.Folder)
			continue
		}
		for _, folder := range entry.Imports {
			if !before[folder] {
				t.Errorf("the list lets %s import %s, which does not come before it", entry.Folder, folder)
			}
		}
		m.compare(t, entry, files)
		before[entry.Folder] = true
		delete(found, entry.Folder)
	}
	for folder := range found {
		t.Errorf("%s is not in the list; add it, after what it imports", folder)
	}
}

// compare fails the test if a package imports anything else than its entry says.
func (m module) compare(t testing.TB, entry Package, files map[string]*ast.File) {
	t.Helper()
	unused := map[string]bool{}
	for _, name := range slices.Concat(entry.Imports, entry.Others) {
		unused[name] = true
	}
	for file, imports := range m.imports(files) {
		for _, name := range imports {
			if !slices.Contains(entry.Imports, name) && !slices.Contains(entry.Others, name) {
				t.Errorf("%s imports %s, which the list does not name for %s", file, name, entry.Folder)
			}
			delete(unused, name)
		}
	}
	for name := range unused {
		t.Errorf("the list lets %s import %s, and it does not; remove it", entry.Folder, name)
	}
}

// Standalone fails the test if a package, or what it imports, needs another module.
// A program that imports such a package gets no further entry in its go.sum.
func Standalone(t testing.TB, folders ...string) {
	t.Helper()
	m := findModule(t)
	found := m.packages(t)
	seen := map[string]bool{}
	for todo := slices.Clone(folders); len(todo) > 0; todo = todo[1:] {
		folder := todo[0]
		if seen[folder] {
			continue
		}
		seen[folder] = true
		files, ok := found[folder]
		if !ok {
			t.Errorf("%s is no package of this module", folder)
		}
		for file, imports := range m.imports(files) {
			for _, name := range imports {
				if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") {
					t.Errorf("%s imports %s of another module", file, name)
					continue
				}
				todo = append(todo, name)
			}
		}
	}
}

// imports returns what each file imports besides the standard library: folders of
// the module, and import paths of other modules.
func (m module) imports(files map[string]*ast.File) map[string][]string {
	all := map[string][]string{}
	for name, file := range files {
		for _, spec := range file.Imports {
			imported := importPath(spec)
			folder, inside := strings.CutPrefix(imported, m.path+"/")
			// Only the standard library has no dot in the first element of its paths.
			if first, _, _ := strings.Cut(imported, "/"); inside || strings.Contains(first, ".") {
				all[name] = append(all[name], folder)
			}
		}
	}
	return all
}
