package proxytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Module builds one of the WebAssembly modules, such as httpwasm, and returns its
// bytes.
func Module(tb testing.TB, name string) []byte {
	tb.Helper()
	dir := tb.TempDir()
	build := exec.CommandContext(tb.Context(), "go", "run", "github.com/concrete-security/auth-service/wasm/build", "-o", dir, name)
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %v\n%s", build, err, out)
	}
	module, err := os.ReadFile(filepath.Join(dir, "auth-service-"+name+".wasm"))
	if err != nil {
		tb.Fatal(err)
	}
	return module
}
