package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestListIsUpToDate: every entry of the list is about a line that is there.
func TestListIsUpToDate(t *testing.T) {
	data, err := os.ReadFile("survivors.txt")
	if err != nil {
		t.Fatal(err)
	}
	list, err := parseList(string(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		code, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(s.file)))
		if err != nil {
			t.Error(err)
			continue
		}
		line := strings.NewReplacer("«", "", "»", "").Replace(s.line)
		if !slices.ContainsFunc(strings.Split(string(code), "\n"), func(l string) bool { return strings.TrimSpace(l) == line }) {
			t.Errorf("no line of %s is %q", s.file, line)
		}
		if !within(s.file, folders) {
			t.Errorf("%s is in no folder that is tested", s.file)
		}
	}
}

func TestParseList(t *testing.T) {
	const text = "# A comment.\n\na/b.go CONDITIONALS_BOUNDARY\n\tif x «<» y {\nx is never y:\nsee above.\n\n# Another.\na/b.go INVERT_NEGATIVES\n\ty = «-»x\nOf no account.\n"
	got, err := parseList(text)
	want := []survivor{
		{"a/b.go", "CONDITIONALS_BOUNDARY", "if x «<» y {", "x is never y: see above."},
		{"a/b.go", "INVERT_NEGATIVES", "y = «-»x", "Of no account."},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for text, complaint := range map[string]string{
		"# one\n\na/b.go\n\tx «<» y\nwhy\n":              "line 3: write FILE MUTATION",
		"a/b.go CONDITIONALS_BOUNDARY\n\tx < y\nwhy\n":   "line 1: write FILE MUTATION",
		"a/b.go CONDITIONALS_BOUNDARY\nx «<» y\nwhy\n":   "line 1: write FILE MUTATION",
		"a/b.go CONDITIONALS_BOUNDARY\n\tx «<» y\n":      "line 1: add the reason",
		"a/b.go CONDITIONALS_BOUNDARY\n\tx «<» y\n   \n": "line 1: add the reason",
	} {
		if list, err := parseList(text); err == nil || !strings.HasPrefix(err.Error(), complaint) || list != nil {
			t.Errorf("%q: %v, %v", text, list, err)
		}
	}
}

func TestMark(t *testing.T) {
	for _, c := range []struct {
		line   string
		column int
		want   string
	}{
		{"\tif a <= b && c < d {", 7, "if a «<=» b && c < d {"},
		{"\tif a <= b && c < d {", 17, "if a <= b && c «<» d {"},
		{"i++", 2, "i«++»"},
		{"if a < b", 1, ""},
		{"if a < b", 9, ""},
		{"if a < b", 0, ""},
	} {
		got, err := mark(c.line, c.column)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%q, %d: %q, %v", c.line, c.column, got, err)
		}
	}
}

func TestOutcome(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "core", "vectors"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "core", "vectors", "a.go"), []byte("package a\n\nvar x = 1 - 2 + 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "report.json")
	if err := os.WriteFile(file, []byte(`{"files":[{"file_name":"vectors/a.go","mutations":[
		{"type":"ARITHMETIC_BASE","status":"LIVED","line":3,"column":15},
		{"type":"ARITHMETIC_BASE","status":"TIMED OUT","line":3,"column":11},
		{"type":"INVERT_NEGATIVES","status":"KILLED","line":3,"column":11},
		{"type":"INVERT_NEGATIVES","status":"NOT COVERED","line":3,"column":11}]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := readReport(file)
	if err != nil {
		t.Fatal(err)
	}
	o, err := r.outcome(root, "core")
	if err != nil || o.killed != 1 || o.uncovered != 1 ||
		!slices.Equal(o.survived, []survivor{{file: "core/vectors/a.go", mutation: "ARITHMETIC_BASE", line: "var x = 1 - 2 «+» 3"}}) ||
		!slices.Equal(o.timedOut, []survivor{{file: "core/vectors/a.go", mutation: "ARITHMETIC_BASE", line: "var x = 1 «-» 2 + 3"}}) {
		t.Errorf("%+v, %v", o, err)
	}
	r.Files[0].Mutations[0].Status = "SULKING"
	if _, err := r.outcome(root, "core"); err == nil {
		t.Error("an unknown status is passed over")
	}
}

// TestCheck: a run in which no test said anything of most mutants does not pass.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		killed, timedOut int
		passes           bool
	}{{0, 0, false}, {1, 0, true}, {100, 20, true}, {100, 21, false}, {0, 1, false}} {
		o := outcome{killed: c.killed, timedOut: make([]survivor, c.timedOut)}
		if err := o.check(); (err == nil) != c.passes {
			t.Errorf("%d killed, %d out of time: %v", c.killed, c.timedOut, err)
		}
	}
}

func TestCompare(t *testing.T) {
	a := survivor{file: "a.go", mutation: "M", line: "x «<» y"}
	b := survivor{file: "b.go", mutation: "M", line: "x «<» y"}
	listed := a
	listed.reason = "why"
	for name, c := range map[string]struct {
		listed []survivor
		found  outcome
		prints string
	}{
		"as listed":         {[]survivor{listed}, outcome{survived: []survivor{a}}, ""},
		"a new one":         {[]survivor{listed}, outcome{survived: []survivor{a, b}}, "survived, and is not listed:\nb.go M\n\tx «<» y\n"},
		"the same twice":    {[]survivor{listed}, outcome{survived: []survivor{a, a}}, "survived, and is not listed:\na.go M\n"},
		"a killed one":      {[]survivor{listed}, outcome{}, "is listed, and does not survive; remove it from the list:\na.go M\n"},
		"out of time":       {[]survivor{listed}, outcome{timedOut: []survivor{a}}, ""},
		"out of time, none": {nil, outcome{timedOut: []survivor{a}}, ""},
	} {
		var out bytes.Buffer
		err := compare(&out, c.listed, c.found)
		if (err == nil) != (c.prints == "") || !strings.HasPrefix(out.String(), c.prints) {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
	}
}

func TestWithin(t *testing.T) {
	for file, want := range map[string]bool{"core/a.go": true, "core/vectors/a.go": true, "cores/a.go": false, "a.go": false} {
		if within(file, []string{"core", "server/internal/http1"}) != want {
			t.Error(file)
		}
	}
}
