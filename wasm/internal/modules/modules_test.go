package modules

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Goreleaser builds releases with the same command. Its configuration has its own
// syntax for the parts of the build line.
func TestReleasesUseTheBuildLine(t *testing.T) {
	data, err := os.ReadFile("../../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := bytes.Cut(data, []byte("\n  - &wasm\n"))
	first, _, found2 := bytes.Cut(rest, []byte("\n  - "))
	if !found || !found2 {
		t.Fatal(".goreleaser.yaml has no build with the anchor wasm")
	}
	lines := string(first) + "\n"
	for _, want := range []string{
		"targets: [wasip1_wasm]",
		"env: [CGO_ENABLED=0]",
		"buildmode: " + buildMode,
		"flags: [" + strings.Join(compilerFlags(), ", ") + "]",
		`ldflags: ["` + linkerFlags + `"]`,
	} {
		if !strings.Contains(lines, "\n    "+want+"\n") {
			t.Errorf(".goreleaser.yaml: the build with the anchor wasm lacks %q", want)
		}
	}
	for _, name := range Names() {
		for _, want := range []string{"    id: " + name + "\n", "    main: ./wasm/" + name + "\n", "    binary: auth-service-" + name + "\n"} {
			if !bytes.Contains(data, []byte(want)) {
				t.Errorf(".goreleaser.yaml lacks %q", want)
			}
		}
	}
	// Whatever overrides a part of the build line comes after "<<: *wasm".
	for _, block := range strings.Split(string(rest), "\n  - ")[1:] {
		if builds, _, _ := strings.Cut(block, "\n\n"); strings.HasPrefix(block, "<<: *wasm") {
			for _, key := range []string{"flags:", "ldflags:", "buildmode:", "env:", "targets:", "tags:", "gcflags:"} {
				if strings.Contains(builds, "\n    "+key) {
					t.Errorf(".goreleaser.yaml: a build of a module has its own %s", key)
				}
			}
		}
	}
}

func TestLoad(t *testing.T) {
	if _, err := Load("nuclear"); err == nil || !strings.Contains(err.Error(), "reactor") {
		t.Errorf("an unknown module: %v", err)
	}
	dir := t.TempDir()
	t.Setenv(Directory, dir)
	if _, err := load("reactor"); err == nil || !strings.Contains(err.Error(), Directory) {
		t.Errorf("an empty directory: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "auth-service-reactor_1.2.3.wasm"), []byte("module"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := load("reactor"); err != nil || string(data) != "module" {
		t.Errorf("%q, %v", data, err)
	}
}

// Each name in Names has a module that begins as WebAssembly does.
func TestNames(t *testing.T) {
	for _, name := range Names() {
		if data, err := Load(name); err != nil || !bytes.HasPrefix(data, []byte("\x00asm")) {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
}
