// Package modules builds the WebAssembly modules from source for tests and
// benchmarks, so that none is committed and what is tested is what is there.
package modules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Directory names the environment variable that gives a directory with modules
// that are built already, such as those to be released, to be tested instead.
const Directory = "AUTH_SERVICE_WASM"

const packages = "github.com/concrete-security/auth-service/wasm/"

// builds holds the modules of this process: linking takes half a second.
var builds = map[string]func() ([]byte, error){
	"reactor":   sync.OnceValues(func() ([]byte, error) { return load("reactor") }),
	"proxywasm": sync.OnceValues(func() ([]byte, error) { return load("proxywasm") }),
	"httpwasm":  sync.OnceValues(func() ([]byte, error) { return load("httpwasm") }),
}

// Reactor returns the module of package wasm/reactor.
func Reactor(tb testing.TB) []byte { return module(tb, "reactor") }

// ProxyWasm returns the module of package wasm/proxywasm.
func ProxyWasm(tb testing.TB) []byte { return module(tb, "proxywasm") }

// HTTPWasm returns the module of package wasm/httpwasm.
func HTTPWasm(tb testing.TB) []byte { return module(tb, "httpwasm") }

func module(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := builds[name]()
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func load(name string) ([]byte, error) {
	if dir := os.Getenv(Directory); dir != "" {
		paths, err := filepath.Glob(filepath.Join(dir, "auth-service*"+name+"*.wasm"))
		if err != nil || len(paths) != 1 {
			return nil, fmt.Errorf("%s: %d modules of the name %s, want one", Directory, len(paths), name)
		}
		return os.ReadFile(paths[0]) //nolint:gosec // whoever runs the tests names the directory
	}
	return Build(context.Background(), name)
}

// Build builds the module of that name: reactor, proxywasm or httpwasm.
func Build(ctx context.Context, name string) (module []byte, err error) {
	dir, err := os.MkdirTemp("", "wasm")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, name+".wasm")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags", "-s -w -buildid=", "-o", file, packages+name)
	for _, setting := range os.Environ() {
		if name, _, _ := strings.Cut(setting, "="); name != "GOFLAGS" { // coverage and race are for the tests
			build.Env = append(build.Env, setting)
		}
	}
	build.Env = append(build.Env, "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return os.ReadFile(file)
}
