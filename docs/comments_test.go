package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestExportedNamesAreExplained: every exported name of a package has a comment,
// and the comment of a declaration begins with the name. In packages that other
// modules can import, each field and each name of a group has a comment too, above it
// or at the end of its line.
func TestExportedNamesAreExplained(t *testing.T) {
	t.Parallel()
	names := 0
	for _, folder := range packageFolders(t) {
		entries, err := os.ReadDir(filepath.Join("..", folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, filepath.Join("..", folder, entry.Name()), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if file.Name.Name == "main" {
				continue
			}
			found, faults := unexplained(file, !strings.Contains("/"+folder+"/", "/internal/"))
			names += found
			for _, fault := range faults {
				t.Errorf("%s: %s", path.Join(folder, entry.Name()), fault)
			}
		}
	}
	if names < 100 {
		t.Errorf("only %d exported names were found", names)
	}
}

// A text of every kind that the check has to find, and of every kind that is right.
func TestUnexplained(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "", `package p
func A() {}
// Another comment.
func B() {}
// C is right.
func C() {}
func (*T) D() {}
func (hidden) E() {}
// A T is right.
type T struct {
	F int
	G int // at the end of the line
	hidden int
}
// The I is right.
type I interface { H() }
type hidden struct { J int }
// Group.
const (
	K = 1
	// L is right.
	L = 2
)
var M = 1
`, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for public, want := range map[bool]string{true: "A B D T.F I.H K M", false: "A B D M"} {
		_, faults := unexplained(file, public)
		var names []string
		for _, fault := range faults {
			for _, word := range strings.Fields(fault) {
				if word == strings.ToUpper(word) {
					names = append(names, word)
				}
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("public %t: %s, want %s", public, got, want)
		}
	}
}

// packageFolders returns the folders of this module that have source files.
func packageFolders(t *testing.T) (folders []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			_, nested := os.Stat(filepath.Join("..", name, "go.mod"))
			if base := path.Base(name); name != "." && (nested == nil || base[0] == '.' || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		folder := path.Dir(name)
		if path.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go") && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}

// unexplained counts the exported names of a file, and says which lack a comment.
// public is true if other modules can use the names.
func unexplained(file *ast.File, public bool) (names int, faults []string) {
	declared := func(name string, comment *ast.CommentGroup) {
		names++
		if !regexp.MustCompile(`^(?:(?:A|An|The) )?` + name + `\b`).MatchString(comment.Text()) {
			faults = append(faults, "the comment of "+name+" must begin with the name")
		}
	}
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && !hasHiddenReceiver(d) {
				declared(d.Name.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if !s.Name.IsExported() {
						continue
					}
					declared(s.Name.Name, either(s.Doc, d.Doc))
					if !public {
						continue
					}
					for _, name := range bareFields(s.Type) {
						faults = append(faults, "the field "+s.Name.Name+"."+name+" has no comment")
					}
				case *ast.ValueSpec:
					for _, name := range s.Names {
						if !name.IsExported() {
							continue
						}
						if !d.Lparen.IsValid() {
							declared(name.Name, d.Doc)
						} else if names++; either(s.Doc, s.Comment) == nil && (public || d.Doc == nil) {
							faults = append(faults, name.Name+" has no comment")
						}
					}
				}
			}
		}
	}
	return names, faults
}

// hasHiddenReceiver reports whether a function is a method of a type that is not
// exported. Only such a type's interfaces show it.
func hasHiddenReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return false
	}
	of := d.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	name, ok := of.(*ast.Ident)
	return ok && !name.IsExported()
}

// bareFields returns the exported fields or methods of a type that have no comment.
func bareFields(of ast.Expr) (names []string) {
	var fields *ast.FieldList
	switch of := of.(type) {
	case *ast.StructType:
		fields = of.Fields
	case *ast.InterfaceType:
		fields = of.Methods
	default:
		return nil
	}
	for _, field := range fields.List {
		for _, name := range field.Names {
			if name.IsExported() && either(field.Doc, field.Comment) == nil {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

func either(a, b *ast.CommentGroup) *ast.CommentGroup {
	if a != nil {
		return a
	}
	return b
}
