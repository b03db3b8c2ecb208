package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestChangelog: what is not released stands first, and the headings are those of
// Keep a Changelog.
func TestChangelog(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`^## \d+\.\d+\.\d+ - \d{4}-\d{2}-\d{2}$`)
	kind := regexp.MustCompile(`^### (Added|Changed|Deprecated|Removed|Fixed|Security)$`)
	versions := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "## "):
			if versions == 0 && line != "## Unreleased" || versions > 0 && !version.MatchString(line) {
				t.Errorf("%q: write ## Unreleased once and first, and then ## 1.2.3 - 2026-01-31", line)
			}
			versions++
		case strings.HasPrefix(line, "### ") && !kind.MatchString(line):
			t.Errorf("%q is no heading of Keep a Changelog", line)
		}
	}
	if versions == 0 {
		t.Error("CHANGELOG.md has no ## Unreleased")
	}
}
