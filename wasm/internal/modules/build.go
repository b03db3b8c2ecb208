package modules

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

const packages = "github.com/concrete-security/auth-service/wasm/"

// Names returns the names of all modules. Each is built from the package of that
// name in the folder wasm.
func Names() []string { return []string{"reactor", "proxywasm", "httpwasm"} }

// The build line. Releases are built by goreleaser, whose configuration says the
// same: a test compares it with these.
const (
	buildMode   = "c-shared"
	linkerFlags = "-s -w -buildid="
)

// compilerFlags leave out the folder and the commit, so that the same source gives
// the same bytes, whether it is a clone or an archive.
func compilerFlags() []string { return []string{"-trimpath", "-buildvcs=false"} }

// Build builds the module of that name and writes it to file. It uses the Go
// command that is in the path.
func Build(ctx context.Context, name, file string) error {
	arguments := append([]string{"build", "-buildmode=" + buildMode, "-ldflags=" + linkerFlags, "-o", file}, compilerFlags()...)
	build := exec.CommandContext(ctx, "go", append(arguments, packages+name)...)
	// GOFLAGS is for the program that runs Build, for instance for its coverage.
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return nil
}
