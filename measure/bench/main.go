// Command bench measures auth-service behind nginx and directly, against nginx itself in
// its place, against other servers, and against the least that can answer. It needs nginx,
// wrk, Caddy and python3, uses cc and cargo where they are installed, and runs on Linux.
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
	Missing  []string `json:"not_measured,omitempty"`
	Rows     []row    `json:"rows"`
	Scaling  *scaling `json:"scaling,omitempty"`
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
	only := flags.String("only", "", "comma list of backends, columns and scaling: what to measure; nginx is measured always")
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

func measureAll(ctx context.Context, rounds int, duration time.Duration, only string) (*result, error) {
	chosen, err := choose(only)
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
	r := &result{Rounds: rounds, Duration: duration.String(), Columns: chosen.columns}
	if r.Machine, err = describe(ctx); err != nil {
		return nil, err
	}
	if r.Machine.Load > 0.5 {
		fmt.Fprintf(os.Stderr, "the machine is busy (load %.2f): the figures are worth little\n", r.Machine.Load)
	}
	backends, missing, err := build(ctx, dir, chosen.backends, chosen.named)
	if err != nil {
		return nil, err
	}
	r.Missing = missing
	for _, text := range missing {
		fmt.Fprintln(os.Stderr, text)
	}
	b := &bench{dir: dir, rounds: rounds, duration: duration, progress: os.Stderr, columns: chosen.columns, backends: backends}
	defer b.down()
	if len(chosen.columns) > 0 {
		if err := b.columnsInto(ctx, r, only == ""); err != nil {
			return nil, err
		}
	}
	if chosen.scaling {
		b.down() // the servers that wait do no harm, but have the names of the sockets
		if r.Scaling, err = b.scale(ctx); err != nil {
			return nil, err
		}
	}
	r.Goals = goals(r.Rows, r.Rests, r.Micro)
	return r, nil
}

// columnsInto measures the backends at rest and in every column.
func (b *bench) columnsInto(ctx context.Context, r *result, micros bool) error {
	for _, s := range b.backends {
		if !s.Plain {
			continue
		}
		if err := s.place(ctx, b.dir); err != nil {
			return err
		}
		measured, err := b.atRest(ctx, s)
		if err != nil {
			return fmt.Errorf("%s at rest: %w", s.Name, err)
		}
		r.Rests = append(r.Rests, measured)
	}
	var err error
	if micros {
		if r.Micro, err = microBenchmarks(ctx, b.rounds); err != nil {
			return err
		}
	}
	if err := b.up(ctx); err != nil {
		return err
	}
	if r.Cells, err = b.measure(ctx); err != nil {
		return err
	}
	r.Rows = summarise(r.Cells)
	return nil
}
