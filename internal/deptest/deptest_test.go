package deptest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/deptest"
)

// recorder is a test that keeps what it is told instead of failing.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }

// failuresOf returns what check tells its test.
func failuresOf(check func(testing.TB)) []string {
	r := &recorder{}
	func() {
		defer func() {
			if cause := recover(); cause != nil && cause != any(r) {
				panic(cause)
			}
		}()
		check(r)
	}()
	slices.Sort(r.failures)
	return r.failures
}

// inModule runs the rest of the test in a folder of a module of such files.
func inModule(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	root := t.TempDir()
	files["go.mod"] = "module example.com/m\n\ngo 1.26\n"
	for name, text := range files {
		at := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(root, folder))
}

// modules is what TestOrder and TestStandalone look at.
var modules = map[string]string{
	"low/a.go":             "package low\nimport \"os\"\nvar _ = os.Args\n",
	"low/a_test.go":        "package low\nimport _ \"example.com/m/high\"\n",
	"low/testdata/a.go":    "package a\nimport _ \"example.com/m/x\"\n",
	"low/.hidden/a.go":     "this is not Go",
	"low/nested/a.go":      "package a\nimport _ \"example.com/m/x\"\n",
	"low/nested/go.mod":    "module example.com/nested\n",
	"high/a.go":            "package high\nimport (\n_ \"example.com/m/low\"\n_ \"net/http\"\n)\n",
	"high/a_windows.go":    "package high\nimport x \"golang.org/x/sys/windows\"\nvar _ = x.Handle(0)\n",
	"high/deep/a.go":       "package deep\nimport _ \"example.com/m/low\"\n",
	"higher/deep/below.go": "package deep\nimport _ \"example.com/m/high\"\n",
}

func TestOrder(t *testing.T) {
	inModule(t, "high", modules)
	low := deptest.Package{Folder: "low"}
	high := deptest.Package{Folder: "high", Imports: []string{"low"}, Others: []string{"golang.org/x/sys/windows"}}
	deep := deptest.Package{Folder: "high/deep", Imports: []string{"low"}}
	higher := deptest.Package{Folder: "higher/deep", Imports: []string{"high"}}
	for name, c := range map[string]struct {
		list []deptest.Package
		want []string
	}{
		"all is as listed": {[]deptest.Package{low, high, deep, higher}, nil},
		"no entry":         {[]deptest.Package{low, high, higher}, []string{"high/deep is not in the list"}},
		"no package":       {[]deptest.Package{low, high, deep, higher, {Folder: "low/nested"}}, []string{"has low/nested, which is no package"}},
		"two entries":      {[]deptest.Package{low, high, deep, low, higher}, []string{"has low, which is no package or has an entry already"}},
		"back up":          {[]deptest.Package{high, low, deep, higher}, []string{"lets high import low, which does not come before it"}},
		"of itself":        {[]deptest.Package{low, high, {Folder: "high/deep", Imports: []string{"low", "high/deep"}}, higher}, []string{"import high/deep, which does not come before it", "import high/deep, and it does not"}},
		"a new import":     {[]deptest.Package{low, high, {Folder: "high/deep"}, higher}, []string{"high/deep/a.go imports low, which"}},
		"of another platform": {
			[]deptest.Package{low, {Folder: "high", Imports: []string{"low"}}, deep, higher},
			[]string{"high/a_windows.go imports golang.org/x/sys/windows, which"},
		},
		"not needed": {
			[]deptest.Package{low, high, {Folder: "high/deep", Imports: []string{"low", "high"}, Others: []string{"example.com/x"}}, higher},
			[]string{"lets high/deep import high, and", "lets high/deep import example.com/x, and"},
		},
	} {
		got := failuresOf(func(tb testing.TB) { deptest.Order(tb, c.list) })
		if !containEach(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestStandalone(t *testing.T) {
	inModule(t, ".", modules)
	for folder, want := range map[string][]string{
		"low":         nil,
		"high/deep":   nil,
		"high":        {"high/a_windows.go imports golang.org/x/sys/windows of another"},
		"higher/deep": {"high/a_windows.go imports golang.org/x/sys/windows of another"},
		"higher":      {"higher is no package"},
	} {
		got := failuresOf(func(tb testing.TB) { deptest.Standalone(tb, "low", folder) })
		if !containEach(got, want) {
			t.Errorf("%s: %q, want %q", folder, got, want)
		}
	}
}

func TestPure(t *testing.T) {
	inModule(t, ".", map[string]string{
		"pure/a.go":  "package pure\nimport (\n\"bytes\"\n\"time\"\n)\nvar _ = bytes.Equal\nvar _ time.Time\nfunc f(time struct{ Now int }) int { return time.Now }\n",
		"clock/a.go": "package clock\nimport \"time\"\nvar _ = time.Now\n",
		"alias/a.go": "package alias\nimport b \"bytes\"\nvar _ = b.Equal\n",
		"busy/a.go":  "package busy\nfunc init() {}\nfunc f(c chan int) { go f(c); select {} }\n",
		"reach/a.go": "package reach\nimport \"os\"\nvar _ = os.Args\n",
	})
	allowed := map[string][]string{"bytes": nil, "time": {"Time"}}
	stale := []string{"may import bytes and does not", "may import time and does not"}
	for pattern, want := range map[string][]string{
		"pure":  nil,
		"clock": {stale[0], "clock/a.go uses time.Now"},
		"alias": {"alias/a.go imports \"bytes\"", stale[1]},
		"busy":  {"busy/a.go has a goroutine", "busy/a.go has a goroutine", "busy/a.go has a goroutine", "busy/a.go has an init function", stale[0], stale[1]},
		"reach": {stale[0], stale[1], "reach/a.go imports \"os\""},
	} {
		if got := failuresOf(func(tb testing.TB) { deptest.Pure(tb, pattern, allowed) }); !containEach(got, want) {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
}

// containEach reports whether there are as many failures as wanted, and each wanted
// text is part of one.
func containEach(failures, wanted []string) bool {
	for _, want := range wanted {
		if !slices.ContainsFunc(failures, func(failure string) bool { return strings.Contains(failure, want) }) {
			return false
		}
	}
	return len(failures) == len(wanted)
}
