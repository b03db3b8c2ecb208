package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	scalingConnections = 50 // of each wrk
	scalingProcessors  = 16 // at most
)

// setting is a number of loops, the processors that they run on, and those of the
// load. There is one wrk for each processor of the load, and it runs nowhere else.
type setting struct {
	Loops  int   `json:"loops"`
	Server []int `json:"server_processors"`
	Load   []int `json:"load_processors"`
}

// key names the setting among the columns of cells.
func (s setting) key() string {
	return fmt.Sprintf("loops=%d server=%s load=%s", s.Loops, processorList(s.Server), processorList(s.Load))
}

// apart reports whether the load leaves the server its processors.
func (s setting) apart() bool { return !slices.Equal(s.Server, s.Load) }

// scaling is what more loops, or more workers of nginx, answer.
type scaling struct {
	Settings []setting `json:"settings"`
	Rows     []row     `json:"rows"`
	Cells    []*cell   `json:"cells"`
}

// settingsOn returns the settings that processors allow: loops with a processor each
// while the load has as many others, then one loop and one for each processor where
// the load is everywhere, too.
func settingsOn(processors []int) []setting {
	var all []setting
	for n := 1; 2*n <= len(processors); n *= 2 {
		all = append(all, setting{n, processors[:n], processors[n : 2*n]})
	}
	all = append(all, setting{1, processors, processors})
	if len(processors) > 1 {
		all = append(all, setting{len(processors), processors, processors})
	}
	return all
}

// scale measures nginx and the service in each setting.
func (b *bench) scale(ctx context.Context) (*scaling, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	processors, err := parseAllowed(status)
	if err != nil {
		return nil, err
	}
	result := &scaling{Settings: settingsOn(processors[:min(len(processors), scalingProcessors)])}
	for _, s := range result.Settings {
		for _, server := range b.backends {
			if server.Name == anchorName || server.Name == subjectName {
				result.Cells = append(result.Cells, &cell{Backend: server.Name, Column: s.key()})
			}
		}
	}
	for round := 1; round <= b.rounds; round++ {
		for _, i := range rand.Perm(len(result.Settings)) {
			s := result.Settings[i]
			for _, j := range rand.Perm(len(result.Cells)) {
				c := result.Cells[j]
				if c.Column != s.key() {
					continue
				}
				got, err := b.runSetting(ctx, s, c.Backend)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", c.Backend, c.Column, err)
				}
				got.Round = round
				c.Samples = append(c.Samples, got)
				fmt.Fprintf(b.progress, "round %d/%d  %-28s %-13s %8.0f/s  p99 %7.0f µs\n",
					round, b.rounds, c.Column, c.Backend, got.Rate, got.P99)
			}
		}
	}
	result.Rows = summarise(result.Cells)
	return result, nil
}

// runSetting starts a server, asks it from all sides, and stops it.
func (b *bench) runSetting(ctx context.Context, s setting, name string) (sample, error) {
	server := b.backends[slices.IndexFunc(b.backends, func(candidate *backend) bool { return candidate.Name == name })]
	address, err := freeAddress(ctx)
	if err != nil {
		return sample{}, err
	}
	running, err := startSetting(ctx, b.dir, s, server, address)
	if err != nil {
		return sample{}, err
	}
	defer running.stop()
	if err := running.ready(ctx, address); err != nil {
		return sample{}, err
	}
	url := "http://" + address + "/auth"
	if err := probe(ctx, url, column{Name: s.key()}, server); err != nil {
		return sample{}, err
	}
	before, err := running.usage()
	if err != nil {
		return sample{}, err
	}
	loads, errs := make([]load, len(s.Load)), make([]error, len(s.Load))
	var group sync.WaitGroup
	for i, processor := range s.Load {
		group.Go(func() {
			loads[i], errs[i] = runLoad(ctx, b.dir, url, scalingConnections, b.duration, strconv.Itoa(processor))
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return sample{}, errors.Join(ctx.Err(), err)
	}
	after, err := running.usage()
	if err != nil {
		return sample{}, err
	}
	var all sample
	requests := 0
	for _, l := range loads {
		if l.Errors > 0 {
			return sample{}, running.failure(fmt.Errorf("%d of %d requests failed or were not answered 200", l.Errors, l.Requests))
		}
		requests += l.Requests
		all.Rate += float64(l.Requests) / l.Duration.Seconds()
		// Of several loads, the slowest counts.
		all.P50, all.P90 = max(all.P50, l.P50), max(all.P90, l.P90)
		all.P99, all.P999 = max(all.P99, l.P99), max(all.P999, l.P999)
	}
	all.CPU = float64((after.CPU - before.CPU).Microseconds()) / float64(requests)
	all.Switches = float64(after.Switches-before.Switches) / float64(requests)
	return all, nil
}

func startSetting(ctx context.Context, dir string, s setting, server *backend, address string) (*process, error) {
	name := "scaling-" + server.fileName()
	if server.Name == anchorName {
		socket := filepath.Join(dir, name+".sock")
		if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		path, err := writeNginx(dir, name, s.Loops, anchorConfiguration(address, socket))
		if err != nil {
			return nil, err
		}
		return startCommand(dir, name, nil, commandOn(ctx, processorList(s.Server), "nginx", nginxArguments(dir, path)...))
	}
	host, port, _ := net.SplitHostPort(address)
	env := []string{tokenVariable + "=" + token, "HOST=" + host, "PORT=" + port}
	if s.Loops != len(s.Server) { // else it is the default
		env = append(env, fmt.Sprintf("GOMAXPROCS=%d", s.Loops))
	}
	return startCommand(dir, name, env, commandOn(ctx, processorList(s.Server), server.program))
}

// processorList writes processors as taskset reads them.
func processorList(processors []int) string {
	return listedWith(processors, ",", strconv.Itoa)
}

// parseAllowed reads the processors that this process may use from /proc/self/status.
func parseAllowed(status []byte) ([]int, error) {
	for line := range strings.Lines(string(status)) {
		value, found := strings.CutPrefix(line, "Cpus_allowed_list:")
		if !found {
			continue
		}
		var processors []int
		for part := range strings.SplitSeq(strings.TrimSpace(value), ",") {
			from, to, isRange := strings.Cut(part, "-")
			if !isRange {
				to = from
			}
			first, err := strconv.Atoi(from)
			if err != nil {
				return nil, fmt.Errorf("/proc/self/status: Cpus_allowed_list: %w", err)
			}
			last, err := strconv.Atoi(to)
			if err != nil {
				return nil, fmt.Errorf("/proc/self/status: Cpus_allowed_list: %w", err)
			}
			for processor := first; processor <= last; processor++ {
				processors = append(processors, processor)
			}
		}
		return processors, nil
	}
	return nil, fmt.Errorf("/proc/self/status: no Cpus_allowed_list in %q", status)
}

// table shows each setting, with one loop in the same setting beside it.
func (s *scaling) table() *table {
	t := &table{head: []string{"server", "loops", "its processors", "wrk's processors", "requests/s", "÷ one loop", "÷ nginx", "p99 ÷ nginx", "processors used"}}
	if s == nil {
		return t
	}
	for _, setting := range s.Settings {
		for i, r := range s.Rows {
			if r.Column != setting.key() {
				continue
			}
			t.add(r.Backend, strconv.Itoa(setting.Loops), processorList(setting.Server), processorList(setting.Load),
				number(r.Rate.Median), s.gain(setting, s.Cells[i]), ratioText(r), tailText(r),
				fmt.Sprintf("%.2f", r.CPU.Median*r.Rate.Median/1e6))
		}
	}
	return t
}

// gain compares a cell with one loop of the same server where the load is alike.
func (s *scaling) gain(of setting, c *cell) string {
	for _, one := range s.Settings {
		if one.Loops != 1 || one.apart() != of.apart() {
			continue
		}
		for _, base := range s.Cells {
			if base.Backend == c.Backend && base.Column == one.key() {
				return spreadOf(ratios(c, base, func(s sample) float64 { return s.Rate })).ratio()
			}
		}
	}
	return "–"
}

// Words says what the processors of this machine can show, and what they cannot.
func (s *scaling) Words() string {
	most := 0 // loops that have a processor each
	for _, one := range s.Settings {
		if one.apart() {
			most = max(most, one.Loops)
		}
	}
	switch most {
	case 0:
		return `A machine with one processor shows nothing here: server and load take turns on it.`
	case 1:
		return `A machine with two processors can show what one loop answers when it has a
processor to itself and the load has the other. It can also show that a second loop
does no harm when both processors are busy. It cannot show that two loops answer more
than one: they would need both processors, and the load would need a third and a
fourth. Where the load shares the processors, more requests from the server mean less
time for the load.`
	default:
		return fmt.Sprintf(`On this machine up to %d loops have a processor each while the load has as many
others, so those rows show how the service scales. Where «processors used» is well
below the number of loops, the load was the limit and not the server. Where the load
shares the processors, a second loop can only show that it does no harm.`, most)
	}
}
