package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// build builds the programs of backends into dir. It returns the backends that can be
// measured here, and says of the others why they cannot. Only the peers that need
// something beyond Go and the packages in measureAll can be missing. If named says that
// one of them was asked for by its name, its absence is an error.
func build(ctx context.Context, dir string, backends []*backend, named func(string) bool) (present []*backend, missing []string, err error) {
	var program string // auth-service
	for _, b := range backends {
		var err error
		switch b.Name {
		case subjectName, oneLoopName:
			if program == "" {
				program = filepath.Join(dir, subjectName)
				err = goBuild(ctx, repository, program, "./cmd/auth-service")
			}
			b.program = program
		case floorCName:
			b.program = filepath.Join(dir, b.fileName())
			err = compile(ctx, b.program, "peers/floor.c")
		case floorGoName:
			if floorInC := func(other *backend) bool { return other.Name == floorCName }; slices.ContainsFunc(present, floorInC) && !named(floorGoName) {
				continue // one floor is enough
			}
			b.program = filepath.Join(dir, b.fileName())
			err = goBuild(ctx, ".", b.program, "./peers/floor")
		case akasName:
			b.program, err = buildAkas(ctx)
		default:
			if b.Plain {
				b.program = filepath.Join(dir, b.fileName())
				err = goBuild(ctx, ".", b.program, "./peers/"+b.fileName())
			}
		}
		var absent absentError
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case errors.As(err, &absent) && !named(b.Name):
			missing = append(missing, fmt.Sprintf("%s is not measured: %v", b.Name, err))
			continue
		case err != nil:
			return nil, nil, fmt.Errorf("%s: %w", b.Name, err)
		}
		present = append(present, b)
	}
	return present, missing, nil
}

// absentError says why a backend cannot be measured here.
type absentError struct{ error }

func (e absentError) Unwrap() error { return e.error }

func goBuild(ctx context.Context, module, program, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "-C", module, "build", "-trimpath", "-ldflags", "-s -w", "-o", program, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, output)
	}
	return nil
}

func compile(ctx context.Context, program, source string) error {
	if _, err := exec.LookPath("cc"); err != nil {
		return absentError{err}
	}
	if output, err := exec.CommandContext(ctx, "cc", "-O2", "-o", program, source).CombinedOutput(); err != nil {
		return fmt.Errorf("cc %s: %w\n%s", source, err, output)
	}
	return nil
}
