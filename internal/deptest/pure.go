package deptest

import (
	"go/ast"
	"path"
	"slices"
	"testing"
)

// Pure fails the test if the package in a folder can do more than compute. It
// must not start a goroutine, use a channel or have an init function, and it may
// import only what allowed lists, under the packages' own names.
//
// The value of an entry lists what may be used of the package; nil allows all of
// it. Direct imports alone count, because even crypto/sha256 reaches package os
// in the end. An entry that no import needs fails the test.
func Pure(t testing.TB, folder string, allowed map[string][]string) {
	t.Helper()
	used := map[string]bool{}
	for name, file := range findModule(t).parse(t, folder) {
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
	for imported := range allowed {
		if !used[imported] {
			t.Errorf("%s may import %s and does not; remove it from the list", folder, imported)
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
