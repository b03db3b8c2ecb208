package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/concrete-security/auth-service/internal/needtest"
)

// A target is a build of the program whose memory is scanned.
type target struct {
	name string
	arch string // if not the machine's own
	qemu string // QEMU's name for the architecture, if QEMU has to run it
	// portable says to use the portable engine.
	portable bool
	// rare says to scan it only with AUTH_SERVICE_MEMORY=full.
	rare bool
}

// targets are the machine's own, those that are released for Linux, and one more
// with 32 bits that needs no emulator.
var targets = []target{
	{name: "portable engine", portable: true},
	{name: "386", arch: "386"},
	{name: "arm", arch: "arm", qemu: "arm"},
	{name: "arm64", arch: "arm64", qemu: "aarch64"},
	{name: "riscv64", arch: "riscv64", qemu: "riscv64", rare: true},
}

// builds holds one build for each architecture that was asked for.
var builds sync.Map

// build returns the path of the program for an architecture.
func build(t *testing.T, arch string) string {
	t.Helper()
	once, _ := builds.LoadOrStore(arch, sync.OnceValues(func() (string, error) {
		native, err := binary() // its directory is removed at the end
		if err != nil {
			return "", err
		}
		path := filepath.Join(filepath.Dir(native), "auth-service-"+arch)
		build := exec.Command("go", "build", "-o", path, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch, "GOARM=7")
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s", err, out)
		}
		return path, nil
	}))
	path, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// newService returns the target's service. It skips what the machine cannot run.
func (to target) newService(t *testing.T, environment ...string) *service {
	t.Helper()
	s := newService(t, environment...)
	switch {
	case to.rare && os.Getenv("AUTH_SERVICE_MEMORY") != "full":
		t.Skip("only AUTH_SERVICE_MEMORY=full scans this one")
	case to.portable:
		path, err := heldBinary()
		if err != nil {
			t.Fatal(err)
		}
		s.Path = path
		s.Env = append(s.Env, heldVariable+"=portable")
	case to.qemu != "":
		emulator := needtest.Program(t, "qemu-"+to.qemu+"-static", "qemu-"+to.qemu)
		s.Path, s.Args = emulator, []string{emulator, build(t, to.arch)}
	case to.arch != "":
		if runtime.GOARCH != "amd64" {
			t.Skipf("a %s machine does not run programs for %s", runtime.GOARCH, to.arch)
		}
		s.Path = build(t, to.arch)
		if err := exec.Command(s.Path, "version").Run(); err != nil {
			needtest.Missing(t, "running the program for %s: %v", to.arch, err)
		}
	}
	return s
}
