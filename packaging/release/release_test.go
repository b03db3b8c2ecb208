package release

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var (
	unixPlatforms    = []string{"linux_amd64", "linux_arm64", "linux_armv7", "linux_riscv64", "darwin_amd64", "darwin_arm64", "freebsd_amd64"}
	windowsPlatforms = []string{"windows_amd64", "windows_arm64"}
	packaged         = []string{"linux_amd64", "linux_arm64", "linux_armv7", "linux_riscv64"}
	modules          = []string{"reactor", "proxywasm", "httpwasm"}
)

// promised returns the names of all that a release uploads but the signature,
// which takes an identity. %s stands for the version.
func promised() (names []string) {
	withBill := func(name string) { names = append(names, name, name+".spdx.json") }
	for _, platform := range unixPlatforms {
		withBill("auth-service_%s_" + platform + ".tar.gz")
	}
	for _, platform := range windowsPlatforms {
		withBill("auth-service_%s_" + platform + ".zip")
	}
	withBill("auth-service_%s_source.tar.gz")
	for _, platform := range packaged {
		for _, format := range []string{"deb", "rpm", "apk"} {
			names = append(names, "auth-service_%s_"+platform+"."+format)
		}
	}
	for _, module := range modules {
		names = append(names, "auth-service-"+module+"_%s.wasm")
	}
	return append(names, "auth-service_%s_wasm.tar.gz", "auth-service-traefik_%s.zip", "checksums.txt")
}

func TestArtifacts(t *testing.T) {
	d := openDist(t)
	var want []string
	for _, name := range promised() {
		want = append(want, strings.ReplaceAll(name, "%s", d.version))
	}
	slices.Sort(want)
	got := slices.Sorted(maps.Keys(d.artifacts))
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("missing: %s", name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("not promised: %s", name)
		}
		// GitHub replaces other characters, and the checksums would not match.
		if !regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(name) {
			t.Errorf("a name that GitHub changes: %s", name)
		}
	}
	if d.cask == "" {
		t.Error("no Homebrew cask")
	}
}

func TestChecksums(t *testing.T) {
	d := openDist(t)
	data, err := os.ReadFile(d.path(t, "checksums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		digest, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = true
		if path, found := d.artifacts[name]; !found {
			t.Errorf("a checksum of %q, which is not there", name)
		} else if got := sum(t, path); got != digest {
			t.Errorf("%s: checksum %s, want %s", name, got, digest)
		}
	}
	for name := range d.artifacts {
		if !listed[name] && name != "checksums.txt" {
			t.Errorf("no checksum of %s", name)
		}
	}
}

// TestCask: what the cask installs is in the archives, under their checksums.
func TestCask(t *testing.T) {
	d := openDist(t)
	data, err := os.ReadFile(d.cask)
	if err != nil {
		t.Fatal(err)
	}
	cask := string(data)
	for _, platform := range []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"} {
		path := d.path(t, "auth-service_%s_"+platform+".tar.gz")
		if digest := sum(t, path); !strings.Contains(cask, digest) {
			t.Errorf("%s: the cask does not have its checksum", platform)
		}
		files := members(t, path)
		stanzas := regexp.MustCompile(`(?m)^  (?:binary|manpage|\w+_completion) "([^"]+)"`).FindAllStringSubmatch(cask, -1)
		if len(stanzas) != 6 {
			t.Fatalf("the cask installs %d files, want 6:\n%s", len(stanzas), cask)
		}
		for _, stanza := range stanzas {
			if _, found := files[stanza[1]]; !found {
				t.Errorf("%s has no %s", platform, stanza[1])
			}
		}
	}
}

// TestStatic: the Linux programs need no loader and no library, so that they
// run on every distribution and in an image made from scratch.
func TestStatic(t *testing.T) {
	d := openDist(t)
	for _, platform := range packaged {
		file := members(t, d.path(t, "auth-service_%s_"+platform+".tar.gz"))["auth-service"]
		program, err := elf.NewFile(bytes.NewReader(file.data))
		if err != nil {
			t.Errorf("%s: %v", platform, err)
			continue
		}
		for _, segment := range program.Progs {
			if segment.Type == elf.PT_INTERP || segment.Type == elf.PT_DYNAMIC {
				t.Errorf("%s: it has a segment %v", platform, segment.Type)
			}
		}
		if file.mode.Perm() != 0o755 {
			t.Errorf("%s: mode %v", platform, file.mode)
		}
	}
}

func TestVersion(t *testing.T) {
	d := openDist(t)
	out, err := exec.CommandContext(t.Context(), d.binary(t), "version", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Version, Revision, Platform string }
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != d.version {
		t.Errorf("version %q, want %q", got.Version, d.version)
	}
	if want := runtime.GOOS + "/" + runtime.GOARCH; got.Platform != want {
		t.Errorf("platform %q, want %q", got.Platform, want)
	}
	if !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(got.Revision) {
		t.Errorf("revision %q", got.Revision)
	}
}

func TestAnswers(t *testing.T) { answers(t, openDist(t).binary(t)) }

// TestModules: the same three modules are uploaded bare, in the archive and as
// Traefik's plugin. They are what wasm/build builds.
func TestModules(t *testing.T) {
	d := openDist(t)
	built := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "run", "./wasm/build", "-o", built)
	build.Dir = root(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	archive := members(t, d.path(t, "auth-service_%s_wasm.tar.gz"))
	for _, module := range modules {
		bare := sum(t, d.path(t, "auth-service-"+module+"_%s.wasm"))
		if packed := sumOf(archive["auth-service-"+module+".wasm"].data); packed != bare {
			t.Errorf("%s: the archive has another module", module)
		}
		if local := sum(t, filepath.Join(built, "auth-service-"+module+".wasm")); local != bare {
			t.Errorf("%s: go run ./wasm/build yields another module", module)
		}
	}
	plugin := members(t, d.path(t, "auth-service-traefik_%s.zip"))
	if sumOf(plugin["plugin.wasm"].data) != sum(t, d.path(t, "auth-service-httpwasm_%s.wasm")) {
		t.Error("the plugin has another module")
	}
	manifest := string(plugin[".traefik.yml"].data)
	for _, line := range []string{"runtime: wasm", "type: middleware"} {
		if !strings.Contains(manifest, line) {
			t.Errorf(".traefik.yml lacks %q", line)
		}
	}
}

// TestParity runs the tests of the WebAssembly builds on the released modules.
func TestParity(t *testing.T) {
	d := openDist(t)
	dir := t.TempDir()
	for _, module := range modules {
		path := d.path(t, "auth-service-"+module+"_%s.wasm")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, fmt.Sprintf("auth-service-%s_%s.wasm", module, d.version))
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	test := exec.CommandContext(t.Context(), "go", "test", "-count=1", "./wasm/...")
	test.Dir = root(t)
	test.Env = append(os.Environ(), "AUTH_SERVICE_WASM="+dir)
	out, err := test.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if !regexp.MustCompile(`(?m)^ok\s+\S+/wasm/internal/parity\s`).Match(out) {
		t.Errorf("the parity suite did not run:\n%s", out)
	}
}

// TestDocumentedNames: each file that docs/install.md names is released, and
// each kind of file that is released is named there.
func TestDocumentedNames(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`auth-service[a-z-]*_VERSION[A-Za-z0-9_.]*[a-z]`).FindAllString(string(text), -1)
	if len(names) < 10 {
		t.Fatalf("it names %d files", len(names))
	}
	for _, name := range names {
		name = strings.NewReplacer("VERSION", "%s", "SYSTEM_CPU", "linux_amd64").Replace(name)
		if !slices.Contains(promised(), name) {
			t.Errorf("it names %s, which is not released", name)
		}
	}
	for _, kind := range []string{".deb", ".rpm", ".apk", "_SYSTEM_CPU.tar.gz", ".zip", "_wasm.tar.gz", ".spdx.json", "checksums.txt", ".sigstore.json"} {
		if !strings.Contains(string(text), kind) {
			t.Errorf("it does not name %s", kind)
		}
	}
}
