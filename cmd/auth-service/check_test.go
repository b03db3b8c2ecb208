package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestCheckKeysAreDocumented: docs/operations.md has each key of the object that check
// --json prints.
func TestCheckKeysAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "`auth-service check --json` prints")
	section, _, ended := strings.Cut(section, "```")
	if !found || !ended {
		t.Fatal("the section is not found")
	}
	keys := 0
	for _, object := range []reflect.Type{reflect.TypeFor[checkResult](), reflect.TypeFor[expiringToken]()} {
		for field := range object.Fields() {
			keys++
			if key := field.Tag.Get("json"); !strings.Contains(section, "`"+key+"`") {
				t.Errorf("%s is not documented", key)
			}
		}
	}
	if keys < 11 {
		t.Errorf("only %d keys are known", keys)
	}
}
