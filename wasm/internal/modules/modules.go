// Package modules builds the WebAssembly modules from source. Tests and benchmarks
// get them from here, so no module is committed and what is tested is what the
// source says. The command wasm/build writes the same bytes to files.
package modules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// Directory names an environment variable. If it is set, its value is a directory
// with modules that are already built, such as those of a release, and tests use
// these instead.
const Directory = "AUTH_SERVICE_WASM"

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
	data, err := Load(name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// Load returns the module of that name, which is one of [Names]. It builds each
// module once in a process.
func Load(name string) ([]byte, error) {
	once, known := builds[name]
	if !known {
		return nil, fmt.Errorf("unknown module %q; use one of %q", name, Names())
	}
	data, err := once()
	return slices.Clone(data), err
}

func load(name string) (data []byte, err error) {
	if dir := os.Getenv(Directory); dir != "" {
		paths, err := filepath.Glob(filepath.Join(dir, "auth-service*"+name+"*.wasm"))
		if err != nil || len(paths) != 1 {
			return nil, fmt.Errorf("%s=%s: found %d modules named %s; the directory must have one", Directory, dir, len(paths), name)
		}
		return os.ReadFile(paths[0])
	}
	dir, err := os.MkdirTemp("", "wasm")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, name+".wasm")
	if err := Build(context.Background(), name, file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}
