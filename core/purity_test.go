package core_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed lists the packages that the core may import, and of those that can
// do more than compute, what it may use. Direct imports alone, as even
// crypto/sha256 reaches package os in the end.
var allowed = map[string][]string{
	"bytes":           nil,
	"crypto/sha256":   nil,
	"encoding/binary": nil,
	"errors":          nil,
	"io":              {"Reader", "ReadFull"},
	"math":            nil,
	"math/bits":       nil,
	"slices":          nil,
	"strconv":         {"Itoa"},
	"strings":         nil,
	"time":            {"Time", "Unix", "RFC3339"},
	"unicode/utf8":    nil,
}

// The core computes and does nothing else: no input or output, no clock, no
// goroutine, no state of a package.
func TestPurity(t *testing.T) {
	files := parseSources(t)
	used := map[string]bool{}
	for name, file := range files {
		named := map[string]string{} // import path by the name that it has here
		for _, spec := range file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := allowed[path]; !ok || spec.Name != nil {
				t.Errorf("%s imports %s", name, spec.Path.Value)
			}
			used[path] = true
			named[path[strings.LastIndex(path, "/")+1:]] = path
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.GoStmt, *ast.ChanType, *ast.SelectStmt:
				t.Errorf("%s has a goroutine or a channel", name)
			case *ast.FuncDecl:
				if node.Name.Name == "init" && node.Recv == nil {
					t.Errorf("%s has an init function", name)
				}
			case *ast.SelectorExpr:
				of, ok := node.X.(*ast.Ident)
				if !ok || of.Obj != nil {
					return true
				}
				path, imported := named[of.Name]
				if names := allowed[path]; imported && names != nil && !slices.Contains(names, node.Sel.Name) {
					t.Errorf("%s uses %s.%s", name, path, node.Sel.Name)
				}
			}
			return true
		})
	}
	for path := range allowed {
		if !used[path] {
			t.Errorf("%s is allowed and not used", path)
		}
	}
}

func parseSources(t *testing.T) map[string]*ast.File {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = file
	}
	if len(files) == 0 {
		t.Fatal("no source file")
	}
	return files
}
