// Command build builds the WebAssembly modules:
//
//	go run ./wasm/build [-o DIRECTORY] [reactor | proxywasm | httpwasm]…
//
// It writes auth-service-NAME.wasm for each module that is named, or for all of
// them, to the directory, which is dist by default. The files are those of a
// release.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

func main() {
	dir := flag.String("o", "dist", "the `directory` to write to")
	flag.Parse()
	if err := build(context.Background(), *dir, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func build(ctx context.Context, dir string, names []string) error {
	if len(names) == 0 {
		names = modules.Names()
	}
	for _, name := range names {
		if !slices.Contains(modules.Names(), name) {
			return fmt.Errorf("unknown module %q; use one of %q", name, modules.Names())
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // what is built is not secret
		return err
	}
	for _, name := range names {
		if err := modules.Build(ctx, name, filepath.Join(dir, "auth-service-"+name+".wasm")); err != nil {
			return err
		}
	}
	return nil
}
