// Command bench measures auth-service behind nginx, against nginx itself in
// its place and against other servers. It needs nginx, wrk, Caddy and python3, and
// runs on Linux.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	repository    = "../.." // from where `go -C measure/bench run .` runs this
	tokenVariable = "AUTH_SERVICE_TOKEN"
	token         = "as_benchmark-token-of-forty-nine-characters-12345"
)

// result is all that a run finds out. It is what -json writes.
type result struct {
	Machine  machine  `json:"machine"`
	Rounds   int      `json:"rounds"`
	Duration string   `json:"duration"`
	Columns  []column `json:"columns"`
	Rows     []row    `json:"rows"`
	Rests    []rest   `json:"at_rest"`
	Micro    []micro  `json:"go_benchmarks,omitempty"`
	Goals    []goal   `json:"goals"`
	Cells    []*cell  `json:"cells"`
}

// backends are the names in the order of allBackends.
func (r *result) backends() []string {
	var names []string
	for _, b := range allBackends() {
		if slices.ContainsFunc(r.Rows, func(candidate row) bool { return candidate.Backend == b.Name }) {
			names = append(names, b.Name)
		}
	}
	return names
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rounds := flags.Int("rounds", 5, "how often everything is measured")
	duration := flags.Duration("duration", 3*time.Second, "time of one measurement, whole seconds")
	only := flags.String("only", "", "comma list of backends and columns to measure; nginx is measured always")
	file := flags.String("json", "", "write all results to this file")
	report := flags.Bool("report", false, "write docs/benchmarks.md and its plots")
	from := flags.String("from", "", "measure nothing: take the results from this file of -json")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || *duration < time.Second || *duration%time.Second != 0 || flags.NArg() > 0 {
		return errors.New("at least one round of at least one second, whole seconds, and no arguments")
	}
	if *report && *only != "" {
		return errors.New("-report is for everything: leave -only out")
	}
	r := new(result)
	var err error
	if *from != "" {
		err = r.load(*from)
	} else {
		r, err = measureAll(ctx, *rounds, *duration, *only)
	}
	if err != nil {
		return err
	}
	r.print(os.Stdout)
	if *file != "" {
		err = r.save(*file)
	}
	if *report {
		err = errors.Join(err, r.writeReport(filepath.Join(repository, "docs")))
	}
	return err
}

func (r *result) save(name string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644) //nolint:gosec // it is no secret
}

func (r *result) load(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, r); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// choose returns what a list of names leaves of the backends and the columns.
func choose(only string) ([]*backend, []column, error) {
	backends := allBackends()
	if only == "" {
		return backends, columns, nil
	}
	names := strings.Split(only, ",")
	isNamed := func(name string) bool { return slices.Contains(names, name) }
	var someBackends []*backend
	var someColumns []column
	for _, c := range columns {
		if isNamed(c.Key) {
			someColumns = append(someColumns, c)
		}
	}
	for _, b := range backends {
		if isNamed(b.Name) {
			someBackends = append(someBackends, b)
		}
	}
	if len(someColumns)+len(someBackends) != len(names) {
		return nil, nil, fmt.Errorf("-only %s: the backends are %s, the columns %s", only,
			listed(backends, func(b *backend) string { return b.Name }),
			listed(columns, func(c column) string { return c.Key }))
	}
	switch {
	case len(someBackends) == 0:
		someBackends = backends
	case !isNamed(anchorName):
		someBackends = append(backends[:1:1], someBackends...)
	}
	if len(someColumns) == 0 {
		someColumns = columns
	}
	return someBackends, someColumns, nil
}

func listed[T any](all []T, name func(T) string) string {
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = name(one)
	}
	return strings.Join(names, ", ")
}

func measureAll(ctx context.Context, rounds int, duration time.Duration, only string) (*result, error) {
	backends, chosen, err := choose(only)
	if err != nil {
		return nil, err
	}
	for _, program := range []string{"nginx", "wrk", "python3", "caddy"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%w; on Debian: apt-get install nginx wrk python3 caddy", err)
		}
	}
	// gnet makes the path of a socket lower case, so TMPDIR has no say.
	dir, err := os.MkdirTemp("/tmp", "auth-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &result{Rounds: rounds, Duration: duration.String(), Columns: chosen}
	if r.Machine, err = describe(ctx); err != nil {
		return nil, err
	}
	if r.Machine.Load > 0.5 {
		fmt.Fprintf(os.Stderr, "the machine is busy (load %.2f): the figures are worth little\n", r.Machine.Load)
	}
	if err := build(ctx, dir, backends); err != nil {
		return nil, err
	}
	b := &bench{dir: dir, rounds: rounds, duration: duration, progress: os.Stderr, columns: chosen, backends: backends}
	defer b.down()
	for _, s := range backends {
		if !s.Plain {
			continue
		}
		if err := s.place(ctx, dir); err != nil {
			return nil, err
		}
		measured, err := b.atRest(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("%s at rest: %w", s.Name, err)
		}
		r.Rests = append(r.Rests, measured)
	}
	if only == "" {
		if r.Micro, err = microBenchmarks(ctx, rounds); err != nil {
			return nil, err
		}
	}
	if err := b.up(ctx); err != nil {
		return nil, err
	}
	if r.Cells, err = b.measure(ctx); err != nil {
		return nil, err
	}
	r.Rows = summarise(r.Cells)
	r.Goals = goals(r.Rows, r.Rests, r.Micro)
	return r, nil
}
