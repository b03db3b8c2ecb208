package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSample(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), &out, "testdata"); err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"stricter: sample.md: Equal lengths, spelt differently: status 400; llhttp: takes it\n",
		"4 as llhttp has it, 1 stricter, 0 laxer, 1 that say nothing of a head\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, out.String())
		}
	}
}

// TestLaxer: a request that is taken and should not be is a failure.
func TestLaxer(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/sample.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	changed := strings.Replace(string(text), "Accept : */*", "Accept: */*", 1)
	if err := os.WriteFile(filepath.Join(dir, "changed.md"), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(t.Context(), &out, dir); err == nil || !strings.Contains(out.String(), "laxer: changed.md: A colon too late: status 200") {
		t.Errorf("%v: %s", err, out.String())
	}
	if err := run(t.Context(), &out, t.TempDir()); err == nil {
		t.Error("a folder without fixtures will do")
	}
}

func TestUnescaped(t *testing.T) {
	t.Parallel()
	got := unescaped("GET / HTTP/1.1\nA: \\\nb\\x7f\\tc\\r\nD: e\n\n\n")
	if want := "GET / HTTP/1.1\r\nA: b\x7f\tc\r\r\nD: e\r\n\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
