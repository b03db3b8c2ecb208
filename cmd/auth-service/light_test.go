package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestStartsLight: the program does not have the packages whose initialization took
// most of a start. See «A start that initializes little» in RATIONALE.md.
func TestStartsLight(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if !slices.Contains(packages, "net") {
		t.Fatal("the list is not that of the program")
	}
	for _, heavy := range []string{"net/http", "crypto/tls", "encoding/xml", "text/template", "google.golang.org/protobuf/proto", "github.com/prometheus/client_golang/prometheus"} {
		if slices.Contains(packages, heavy) {
			t.Errorf("the program imports %s", heavy)
		}
	}
}
