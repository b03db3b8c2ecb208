package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/needtest"
)

// TestReproducible releases the same commit twice, from clones in different
// directories, with build caches of their own and other surroundings, and
// compares every artifact byte for byte. Bills of materials are left out: they
// carry random identifiers.
func TestReproducible(t *testing.T) {
	if os.Getenv(reproduceVariable) == "" {
		t.Skipf("%s is not set: two releases with cold caches take minutes", reproduceVariable)
	}
	needtest.Program(t, "git")
	first := release(t, filepath.Join(t.TempDir(), "a"), "umask 022", "TZ=UTC", "LANG=C")
	second := release(t, filepath.Join(t.TempDir(), "another", "place"), "umask 077", "TZ=Asia/Kolkata", "LANG=C.UTF-8")
	if len(first.artifacts) < len(modules)+len(packaged) {
		t.Fatalf("%d artifacts", len(first.artifacts))
	}
	if len(second.artifacts) != len(first.artifacts) {
		t.Errorf("%d and %d artifacts", len(first.artifacts), len(second.artifacts))
	}
	for name, path := range first.artifacts {
		other, found := second.artifacts[name]
		if !found {
			t.Errorf("only one has %s", name)
		} else if sum(t, path) != sum(t, other) {
			t.Errorf("they differ: %s", name)
		}
	}
	if sum(t, first.cask) != sum(t, second.cask) {
		t.Error("the casks differ")
	}
	t.Run("documented builds", func(t *testing.T) { testDocumentedBuilds(t, first) })
	changes, err := os.ReadFile(filepath.Join(first.dir, "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(changes), "### Verdicts") {
		t.Errorf("the changes are not grouped:\n%s", changes)
	}
}

// testDocumentedBuilds: the commands of docs/install.md yield what goreleaser
// packs, that of the program in a clone and that of a module in the
// source archive.
func testDocumentedBuilds(t *testing.T, d *dist) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	source := t.TempDir()
	unpack := exec.CommandContext(t.Context(), "tar", "-xzf", d.path(t, "auth-service_%s_source.tar.gz"), "-C", source, "--strip-components=1")
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program := members(t, d.path(t, "auth-service_%s_linux_amd64.tar.gz"))["auth-service"]
	for _, c := range []struct{ beginning, dir, yields, want string }{
		{"CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build", filepath.Dir(d.dir), "auth-service", sumOf(program.data)},
		{"go run ./wasm/build", source, "auth-service-reactor.wasm", sum(t, d.path(t, "auth-service-reactor_%s.wasm"))},
	} {
		command := regexp.MustCompile(`(?m)^` + c.beginning + ` .*$`).Find(text)
		if command == nil {
			t.Errorf("docs/install.md has no command that begins with %s", c.beginning)
			continue
		}
		build := exec.CommandContext(t.Context(), "sh", "-c", string(command))
		build.Dir = c.dir
		build.Env = append(os.Environ(), "VERSION="+d.version)
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		} else if sum(t, filepath.Join(c.dir, c.yields)) != c.want {
			t.Errorf("%s yields another file", command)
		}
	}
}

// release clones HEAD to dir, tags it and runs goreleaser there, short of what
// needs an identity, a Docker engine or the network.
func release(t *testing.T, dir, prelude string, environment ...string) *dist {
	t.Helper()
	module := root(t)
	run := func(in, name string, arguments ...string) string {
		command := exec.CommandContext(t.Context(), name, arguments...)
		command.Dir = in
		command.Env = append(os.Environ(), environment...)
		var stderr strings.Builder
		command.Stderr = &stderr
		out, err := command.Output()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s%s", name, arguments, err, out, &stderr)
		}
		return strings.TrimSpace(string(out))
	}
	// Built with the usual cache: goreleaser itself is not what is reproduced.
	modfile := "-modfile=" + filepath.Join(module, "tools", "goreleaser", "go.mod")
	run(module, "go", "tool", modfile, "goreleaser", "--version")
	goreleaser := run(module, "go", "tool", "-n", modfile, "goreleaser")
	run(module, "sh", "-c", prelude+` && exec git clone --quiet --no-hardlinks "$0" "$1"`, module, dir)
	// No tag of the repository's own, whose place in the history may vary.
	run(dir, "git", "tag", "--force", "v999.0.0")
	environment = append(environment, "GOCACHE="+t.TempDir())
	run(dir, "sh", "-c", prelude+` && exec "$0" release --clean --skip=publish,announce,docker,sign,sbom`, goreleaser)
	return readDist(t, filepath.Join(dir, "dist"))
}
