package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// sample is one run of wrk against one backend.
type sample struct {
	Round int     `json:"round"`
	Rate  float64 `json:"requests_per_second"`
	P50   float64 `json:"p50_us"`
	P90   float64 `json:"p90_us"`
	P99   float64 `json:"p99_us"`
	P999  float64 `json:"p999_us"`
	// CPU is the backend's own processor time for a request, in microseconds.
	CPU float64 `json:"cpu_us"`
	// Switches are how often a thread of the backend went to sleep, for a request.
	Switches float64 `json:"voluntary_switches"`
	// Monitor is how often Go's monitor woke up in a second.
	Monitor *float64 `json:"monitor_per_second,omitempty"`
}

// cell is a backend in a column.
type cell struct {
	Backend string   `json:"backend"`
	Column  string   `json:"column"`
	Samples []sample `json:"samples"`
}

// bench is a front with the backends behind it.
type bench struct {
	dir      string // sockets, logs and configuration
	rounds   int
	duration time.Duration
	progress io.Writer
	columns  []column
	backends []*backend

	address string // of the front
	front   *process
}

// up starts everything and asks each location once.
func (b *bench) up(ctx context.Context) (err error) {
	for _, s := range b.backends {
		if err := s.place(ctx, b.dir); err != nil {
			return err
		}
	}
	for _, s := range b.backends {
		if err := s.start(ctx, b.dir); err != nil {
			return err
		}
	}
	if b.address, err = freeAddress(ctx); err != nil {
		return err
	}
	if b.front, err = startNginx(ctx, b.dir, "front", 1, frontConfiguration(b.address, b.backends)); err != nil {
		return err
	}
	if err := b.front.ready(ctx, b.address); err != nil {
		return err
	}
	for _, c := range b.columns {
		for _, s := range b.backends {
			if !s.answers(c) {
				continue
			}
			if err := probe(ctx, b.url(c, s), c, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// down ends everything that up has started.
func (b *bench) down() {
	b.front.stop()
	for _, s := range b.backends {
		s.running.stop()
	}
}

// measure runs every cell once a round. The cells of a column are measured one
// soon after the other, in an order that changes, so that what else the
// machine does weighs on all of them alike.
func (b *bench) measure(ctx context.Context) ([]*cell, error) {
	var cells []*cell
	for _, c := range b.columns {
		for _, s := range b.backends {
			if s.answers(c) {
				cells = append(cells, &cell{Backend: s.Name, Column: c.Key})
			}
		}
	}
	byName := make(map[string]*backend)
	for _, s := range b.backends {
		byName[s.Name] = s
	}
	for round := 1; round <= b.rounds; round++ {
		for _, i := range rand.Perm(len(b.columns)) {
			c := b.columns[i]
			for _, j := range rand.Perm(len(cells)) {
				if cells[j].Column != c.Key {
					continue
				}
				got, err := b.run(ctx, c, byName[cells[j].Backend])
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", cells[j].Backend, c.Name, err)
				}
				got.Round = round
				cells[j].Samples = append(cells[j].Samples, got)
				fmt.Fprintf(b.progress, "round %d/%d  %-28s %-13s %8.0f/s  p99 %7.0f µs\n",
					round, b.rounds, c.Name, cells[j].Backend, got.Rate, got.P99)
			}
		}
	}
	return cells, nil
}

// url is where wrk asks.
func (b *bench) url(c column, s *backend) string {
	if c.Direct > 0 {
		return "http://" + s.tcp + "/auth"
	}
	return "http://" + b.address + path(c, s)
}

func (b *bench) run(ctx context.Context, c column, s *backend) (sample, error) {
	var before, after usage
	var err error
	if s.running != nil {
		if before, err = s.running.usage(); err != nil {
			return sample{}, err
		}
	}
	began := time.Now()
	got, err := runLoad(ctx, b.dir, b.url(c, s), cmp.Or(c.Direct, frontConnections), b.duration, "")
	if ctx.Err() != nil {
		return sample{}, ctx.Err()
	}
	if err != nil {
		return sample{}, err
	}
	if got.Errors > 0 {
		err := fmt.Errorf("%d of %d requests failed or were not answered 200", got.Errors, got.Requests)
		if c.Direct > 0 {
			return sample{}, s.running.failure(err)
		}
		return sample{}, b.front.failure(err)
	}
	result := sample{
		Rate: float64(got.Requests) / got.Duration.Seconds(),
		P50:  got.P50, P90: got.P90, P99: got.P99, P999: got.P999,
	}
	if s.running == nil {
		return result, nil
	}
	took := time.Since(began)
	if after, err = s.running.usage(); err != nil {
		return sample{}, errors.Join(errors.New("it ended under load"), err)
	}
	result.CPU = float64((after.CPU - before.CPU).Microseconds()) / float64(got.Requests)
	result.Switches = float64(after.Switches-before.Switches) / float64(got.Requests)
	if s.Monitored {
		monitor := float64(after.Monitor-before.Monitor) / took.Seconds()
		result.Monitor = &monitor
	}
	return result, nil
}
