package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// micro is one of the repository's own Go benchmarks.
type micro struct {
	Name        string `json:"name"`
	Nanoseconds spread `json:"ns"`
	Allocations spread `json:"allocations"`
	// HostCalls is how often a plugin calls functions of its host, if that was counted.
	HostCalls *spread `json:"host_calls,omitempty"`
}

// microBenchmarks runs the Go benchmarks of verdicts, of requests and of the
// WebAssembly module.
func microBenchmarks(ctx context.Context, count int) ([]micro, error) {
	cmd := exec.CommandContext(ctx, "go", "-C", repository, "test", "-run", "^$", "-bench", "^Benchmark(Verdict|Advance|Head|Reactor|Guest)$",
		"-benchmem", "-benchtime", "300ms", "-count", strconv.Itoa(count), "./core", "./server", "./server/internal/http1", "./wasm/internal/parity")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("go test -bench: %w\n%s", err, output)
	}
	return parseMicro(string(output))
}

// The number after the name is GOMAXPROCS, which is left out if it is 1.
var microLine = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op(?:\s+([0-9.]+) host-calls/op)?(?:\s.*)?\s(\d+) allocs/op`)

// parseMicro reads what go test -bench -benchmem prints. It keeps the order of
// the benchmarks and sorts the parts of each, which come as a map has them.
func parseMicro(output string) ([]micro, error) {
	var names []string
	times, allocations, calls := make(map[string][]float64), make(map[string][]float64), make(map[string][]float64)
	for line := range strings.Lines(output) {
		match := microLine.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		name := match[1]
		if times[name] == nil {
			names = append(names, name)
		}
		took, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			return nil, fmt.Errorf("go test -bench: %q: %w", line, err)
		}
		if match[3] != "" {
			n, err := strconv.ParseFloat(match[3], 64)
			if err != nil {
				return nil, fmt.Errorf("go test -bench: %q: %w", line, err)
			}
			calls[name] = append(calls[name], n)
		}
		count, err := strconv.ParseFloat(match[4], 64)
		if err != nil {
			return nil, fmt.Errorf("go test -bench: %q: %w", line, err)
		}
		times[name] = append(times[name], took)
		allocations[name] = append(allocations[name], count)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("go test -bench: no benchmark in %q", output)
	}
	sortParts(names)
	all := make([]micro, 0, len(names))
	for _, name := range names {
		m := micro{Name: name, Nanoseconds: spreadOf(times[name]), Allocations: spreadOf(allocations[name])}
		if n := calls[name]; n != nil {
			m.HostCalls = new(spreadOf(n))
		}
		all = append(all, m)
	}
	return all, nil
}

func sortParts(names []string) {
	places := make(map[string]int)
	for i, name := range names {
		benchmark, _, _ := strings.Cut(name, "/")
		if _, seen := places[benchmark]; !seen {
			places[benchmark] = i
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		first, _, _ := strings.Cut(a, "/")
		second, _, _ := strings.Cut(b, "/")
		// The longer directory has the greater number in it.
		return cmp.Or(cmp.Compare(places[first], places[second]),
			cmp.Compare(strings.LastIndex(a, "/"), strings.LastIndex(b, "/")), cmp.Compare(a, b))
	})
}

// isVerdict tells the benchmarks of package core from the server's.
func (m micro) isVerdict() bool { return strings.HasPrefix(m.Name, "Verdict/") }

// isRequest tells those that answer a whole request.
func (m micro) isRequest() bool { return strings.HasPrefix(m.Name, "Advance/") }
