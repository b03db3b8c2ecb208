package release

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/needtest"
)

// contents is what every package installs, but for zsh's completion, whose
// place depends on the distribution.
var contents = map[string]os.FileMode{
	"/usr/bin/auth-service":                                  0o755,
	"/usr/lib/systemd/system/auth-service.service":           0o644,
	"/usr/lib/systemd/system/auth-service.socket":            0o644,
	environmentFile:                                          0o640,
	"/usr/share/man/man5/auth-service-keyring.5.gz":          0o644,
	"/usr/share/man/man8/auth-service.8.gz":                  0o644,
	"/usr/share/bash-completion/completions/auth-service":    0o644,
	"/usr/share/fish/vendor_completions.d/auth-service.fish": 0o644,
	"/usr/share/doc/auth-service/copyright":                  0o644,
}

const environmentFile = "/etc/auth-service/environment"

func with(files map[string]os.FileMode, path string) map[string]os.FileMode {
	all := map[string]os.FileMode{path: 0o644}
	for name, mode := range files {
		all[name] = mode
	}
	return all
}

// debian is a tree that dpkg installs into, in place of the running system.
type debian struct{ dir string }

func (d *debian) dpkg(t *testing.T, arguments ...string) {
	t.Helper()
	dpkg := exec.CommandContext(t.Context(), "dpkg", append([]string{
		"--instdir=" + d.dir, "--admindir=" + filepath.Join(d.dir, "var/lib/dpkg"), "--log=/dev/null",
		"--force-script-chrootless", "--force-architecture",
	}, arguments...)...)
	if out, err := dpkg.CombinedOutput(); err != nil {
		t.Fatalf("dpkg %v: %v\n%s", arguments, err, out)
	}
}

func (d *debian) path(name string) string { return filepath.Join(d.dir, filepath.FromSlash(name)) }

func newDebian(t *testing.T) *debian {
	t.Helper()
	needtest.Program(t, "dpkg")
	if os.Getuid() != 0 {
		needtest.Missing(t, "dpkg installs as root alone")
	}
	d := &debian{t.TempDir()}
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates"} {
		if err := os.MkdirAll(d.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(d.path("var/lib/dpkg/status"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDeb installs the package, upgrades it over changed settings, removes and
// purges it.
func TestDeb(t *testing.T) {
	d := openDist(t)
	system := newDebian(t)
	deb := d.path(t, "auth-service_%s_linux_"+runtime.GOARCH+".deb")
	system.dpkg(t, "--install", deb)
	for name, mode := range with(contents, "/usr/share/zsh/vendor-completions/_auth-service") {
		info, err := os.Stat(system.path(name))
		if err != nil {
			t.Error(err)
		} else if info.Mode() != mode {
			t.Errorf("%s: mode %v, want %v", name, info.Mode(), mode)
		}
	}
	t.Run("units", func(t *testing.T) { verifyUnits(t, system) })
	t.Run("serves", func(t *testing.T) { answers(t, system.path("/usr/bin/auth-service"), "serve") })

	const changed = "PORT=9000\n"
	if err := os.WriteFile(system.path(environmentFile), []byte(changed), 0o640); err != nil {
		t.Fatal(err)
	}
	system.dpkg(t, "--install", deb)
	for _, action := range []string{"", "--remove"} {
		if action != "" {
			system.dpkg(t, action, "auth-service")
		}
		if data, err := os.ReadFile(system.path(environmentFile)); err != nil || string(data) != changed {
			t.Errorf("after %q the settings are %q (%v)", action, data, err)
		}
	}
	if _, err := os.Stat(system.path("/usr/bin/auth-service")); !os.IsNotExist(err) {
		t.Errorf("removed, and still there: %v", err)
	}
	system.dpkg(t, "--purge", "auth-service")
	if _, err := os.Stat(system.path(environmentFile)); !os.IsNotExist(err) {
		t.Errorf("purged, and the settings are still there: %v", err)
	}
}

// verifyUnits has systemd read the units as installed. The targets that they
// refer to are the running system's.
func verifyUnits(t *testing.T, system *debian) {
	t.Helper()
	needtest.Program(t, "systemd-analyze")
	const units = "/usr/lib/systemd/system/"
	dir := t.TempDir()
	var paths []string
	for _, name := range []string{"auth-service.service", "auth-service.socket"} {
		unit, err := os.ReadFile(system.path(units + name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".service") && !strings.Contains(string(unit), "ExecStart=/usr/bin/auth-service") {
			t.Errorf("%s starts something else than is installed", name)
		}
		if strings.HasSuffix(name, ".service") && !strings.Contains(string(unit), environmentFile) {
			t.Errorf("%s does not read %s", name, environmentFile)
		}
		// systemd looks for the program, which lies in the tree.
		text := strings.ReplaceAll(string(unit), "=/usr/bin/", "="+system.path("/usr/bin")+"/")
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	verify := exec.CommandContext(t.Context(), "systemd-analyze", append([]string{"verify", "--man=no"}, paths...)...)
	if out, err := verify.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRPM(t *testing.T) {
	d := openDist(t)
	needtest.Program(t, "rpm")
	for _, platform := range packaged {
		query := exec.CommandContext(t.Context(), "rpm", "--query", "--package", "--queryformat",
			`[%{FILENAMES} %{FILEMODES:octal} %{FILEFLAGS:fflags}\n]`, d.path(t, "auth-service_%s_"+platform+".rpm"))
		out, err := query.Output()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(out), "\n")
		for name, mode := range with(contents, "/usr/share/zsh/site-functions/_auth-service") {
			want := fmt.Sprintf("%s 100%o ", name, mode)
			if name == environmentFile {
				want += "cn" // configuration, not replaced
			}
			if !slices.Contains(lines, want) {
				t.Errorf("%s: no line %q in\n%s", platform, want, out)
			}
		}
	}
}

func TestAPK(t *testing.T) {
	d := openDist(t)
	for _, platform := range packaged {
		files := members(t, d.path(t, "auth-service_%s_"+platform+".apk"))
		for name, mode := range with(contents, "/usr/share/zsh/site-functions/_auth-service") {
			file, found := files[strings.TrimPrefix(name, "/")]
			if !found || file.mode != mode {
				t.Errorf("%s: %s: mode %v, want %v", platform, name, file.mode, mode)
			}
		}
	}
}

// TestImage builds the image for this machine as goreleaser would, from the
// archived program.
func TestImage(t *testing.T) {
	d := openDist(t)
	buildah := needtest.Program(t, "buildah")
	if os.Getuid() != 0 {
		needtest.Missing(t, "buildah without a user namespace needs root")
	}
	dir := t.TempDir()
	platform := "linux/" + runtime.GOARCH
	if err := os.MkdirAll(filepath.Join(dir, platform), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(d.binary(t), filepath.Join(dir, platform, "auth-service")); err != nil {
		t.Fatal(err)
	}
	storage := t.TempDir()
	run := func(arguments ...string) []byte {
		command := exec.CommandContext(t.Context(), buildah, append([]string{
			"--root", filepath.Join(storage, "root"), "--runroot", filepath.Join(storage, "run"), "--storage-driver", "vfs",
		}, arguments...)...)
		var stderr bytes.Buffer
		command.Stderr = &stderr
		out, err := command.Output()
		if err != nil {
			t.Fatalf("buildah %v: %v\n%s%s", arguments, err, out, &stderr)
		}
		return out
	}
	const image = "auth-service-release"
	run("build", "--isolation", "chroot", "--format", "docker", "--platform", platform,
		"--file", filepath.Join(root(t), "packaging/Dockerfile"), "--tag", image, dir)
	var built struct {
		Docker struct {
			Config struct {
				User        string
				Entrypoint  []string
				Healthcheck struct{ Test []string }
			}
		}
	}
	if err := json.Unmarshal(run("inspect", "--type", "image", image), &built); err != nil {
		t.Fatal(err)
	}
	config := built.Docker.Config
	if config.User != "65532:65532" || !slices.Equal(config.Entrypoint, []string{"/auth-service"}) ||
		!slices.Equal(config.Healthcheck.Test, []string{"CMD", "/auth-service", "healthcheck", "--ready"}) {
		t.Errorf("the image is configured as %+v", config)
	}
}
