// Package proxytest runs the example configurations of deploy/ with the real
// proxies, an auth-service built from this module and a backend that says what
// reached it. It is for tests alone.
//
// A test takes the file that users copy and replaces nothing but addresses and
// paths in it (see Config), so that what is tested is what is handed out.
package proxytest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Tokens of the tests, made up. Stranger is never configured.
const (
	Token    = "a-token-of-the-tests-made-of-40-letters-"
	Metrics  = "a-token-of-the-tests-good-for-metrics---"
	Deploy   = "a-token-of-the-tests-good-for-deploy----"
	Stranger = "a-token-of-the-tests-nobody-knows-it----"
)

// binary builds auth-service once in a test process.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "proxytest")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "auth-service")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", path,
		"github.com/concrete-security/auth-service/cmd/auth-service")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return path, fmt.Errorf("building auth-service: %w: %s", err, out)
	}
	return path, nil
})

// Main runs the tests of a package and returns the exit status; what was built
// for them is removed. TestMain calls it.
func Main(m *testing.M) int {
	status := m.Run()
	if path, err := binary(); path != "" && err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	return status
}

// Optional is like [needtest.Program], for a program that CI does not install: without it,
// the test is skipped everywhere.
func Optional(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		tb.Skipf("%s is not installed: only the form of the example is checked", name)
	}
	return path
}
