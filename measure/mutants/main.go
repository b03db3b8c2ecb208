// Command mutants changes the code by one operator at a time and checks that a
// test notices each change. It runs gremlins, which tools/gremlins pins, over the
// packages that decide about requests, and compares the mutants that survive
// with survivors.txt: a survivor that is not listed there fails, and so does a
// listed one that a test kills by now.
//
// It prints a survivor in the form in which survivors.txt lists one. Kill it by a
// test where you can. List it, with the reason, where the change has no effect
// that a caller could see.
//
// A mutant runs the tests of its own package alone. gremlins skips what Go's
// coverage does not count: constants, and the conditions of a switch's cases.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// folders are tested where no others are named, each with those below it.
var folders = []string{"core", "internal/httptext", "internal/identity", "server/internal/http1", "wasm/internal/guest"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	list := flags.String("list", "measure/mutants/survivors.txt", "the `file` that lists the mutants which may survive")
	workers := flags.Int("workers", runtime.NumCPU(), "how many mutants run at a time")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	tested := folders
	if flags.NArg() > 0 {
		tested = flags.Args()
	}
	for i := range tested {
		tested[i] = filepath.ToSlash(filepath.Clean(tested[i]))
	}

	data, err := os.ReadFile(*list)
	if err != nil {
		return err
	}
	listed, err := parseList(string(data))
	if err != nil {
		return fmt.Errorf("%s: %w", *list, err)
	}
	listed = slices.DeleteFunc(listed, func(s survivor) bool { return !within(s.file, tested) })

	var found outcome
	for _, folder := range tested {
		started := time.Now()
		report, err := unleash(ctx, folder, *workers)
		if err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		o, err := report.outcome(".", folder)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d mutants killed, %d survived, %d ran out of time, %d not covered, in %s\n",
			folder, o.killed, len(o.survived), len(o.timedOut), o.uncovered, time.Since(started).Round(time.Second))
		if err := o.check(); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		found.survived = append(found.survived, o.survived...)
		found.timedOut = append(found.timedOut, o.timedOut...)
	}
	return compare(out, listed, found)
}

// unleash runs gremlins over a folder.
func unleash(ctx context.Context, folder string, workers int) (*report, error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	file := filepath.Join(dir, "report.json")

	cmd := exec.CommandContext(ctx, "go", "tool", "-modfile=tools/gremlins/go.mod", "gremlins", "unleash", "./"+folder,
		"--output", file, "--output-statuses", "t", "--workers", strconv.Itoa(workers),
		// A mutant that loops for ever is killed after this multiple of the time
		// that the tests take once all but the changed package is compiled. A mutant
		// that only runs on a busy machine must not be.
		"--timeout-coefficient", "30")
	// Vet takes half of a mutant's time, and may reject what a test should notice. If
	// the tests' result came from the cache, every mutant would run out of time.
	cmd.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -vet=off -count=1")
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // gremlins removes its copies of the tree
	cmd.WaitDelay = 10 * time.Second
	printed, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("gremlins: %w\n%s", err, printed)
	}
	return readReport(file)
}
