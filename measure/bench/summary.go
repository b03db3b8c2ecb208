package main

import (
	"math"
	"slices"
)

// spread is a median with the least and the greatest value.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spreadOf returns the spread of values, all NaN of none.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + median) / 2
	}
	return spread{median, sorted[0], sorted[len(sorted)-1]}
}

// row is a cell's samples in short.
type row struct {
	Backend string `json:"backend"`
	Column  string `json:"column"`
	// Ratio and P99Ratio compare with the anchor in the same round. Without
	// an anchor in the column there is none.
	Ratio    *spread `json:"ratio,omitempty"`
	P99Ratio *spread `json:"p99_ratio,omitempty"`
	Rate     spread  `json:"requests_per_second"`
	P50      spread  `json:"p50_us"`
	P90      spread  `json:"p90_us"`
	P99      spread  `json:"p99_us"`
	P999     spread  `json:"p999_us"`
	CPU      spread  `json:"cpu_us"`
	// CPURatio compares the processor time for a request with the anchor's.
	CPURatio *spread `json:"cpu_ratio,omitempty"`
	Switches spread  `json:"voluntary_switches"`
	// Monitor is of Go programs alone.
	Monitor *spread `json:"monitor_per_second,omitempty"`
}

// summarise computes a row for each cell.
func summarise(cells []*cell) []row {
	anchors := make(map[string]*cell) // by column
	for _, c := range cells {
		if c.Backend == anchorName {
			anchors[c.Column] = c
		}
	}
	rows := make([]row, 0, len(cells))
	for _, c := range cells {
		r := row{
			Backend: c.Backend, Column: c.Column,
			Rate:     c.spread(func(s sample) float64 { return s.Rate }),
			P50:      c.spread(func(s sample) float64 { return s.P50 }),
			P90:      c.spread(func(s sample) float64 { return s.P90 }),
			P99:      c.spread(func(s sample) float64 { return s.P99 }),
			P999:     c.spread(func(s sample) float64 { return s.P999 }),
			CPU:      c.spread(func(s sample) float64 { return s.CPU }),
			Switches: c.spread(func(s sample) float64 { return s.Switches }),
		}
		if anchor := anchors[c.Column]; anchor != nil {
			compare := func(value func(sample) float64) *spread {
				s := spreadOf(ratios(c, anchor, value))
				return &s
			}
			r.Ratio = compare(func(s sample) float64 { return s.Rate })
			r.P99Ratio = compare(func(s sample) float64 { return s.P99 })
			if r.Backend != ceilingName {
				r.CPURatio = compare(func(s sample) float64 { return s.CPU })
			}
		}
		var monitor []float64
		for _, s := range c.Samples {
			if s.Monitor != nil {
				monitor = append(monitor, *s.Monitor)
			}
		}
		if len(monitor) > 0 {
			s := spreadOf(monitor)
			r.Monitor = &s
		}
		rows = append(rows, r)
	}
	return rows
}

// ratios divides the values of a cell by those of another in the same round.
func ratios(c, by *cell, value func(sample) float64) []float64 {
	var all []float64
	for _, s := range c.Samples {
		for _, other := range by.Samples {
			if other.Round == s.Round {
				all = append(all, value(s)/value(other))
			}
		}
	}
	return all
}

func (c *cell) spread(value func(sample) float64) spread {
	values := make([]float64, 0, len(c.Samples))
	for _, s := range c.Samples {
		values = append(values, value(s))
	}
	return spreadOf(values)
}

// monitorLimit is how often Go's monitor may wake up in a second under load. It looks
// every 20 µs, which is up to 2,000 times a second, while it finds processors to take
// from a loop that waits in a system call, and every 10 ms while it does not.
const monitorLimit = 300

// Goals that the plots show too.
const (
	idleLimit    = 4   // KiB
	verdictLimit = 180 // ns
)

// goal is something that auth-service is to reach.
type goal struct {
	Name   string  `json:"name"`
	Wanted string  `json:"wanted"`
	Got    float64 `json:"got"`
	Unit   string  `json:"unit,omitempty"`
	Met    bool    `json:"met"`
}

// goals says which of the goals were measured, and reached.
func goals(rows []row, rests []rest, micros []micro) []goal {
	var all []goal
	atLeast := func(name string, got, limit float64) {
		all = append(all, goal{Name: name, Wanted: "≥ " + number(limit), Got: got, Met: got >= limit})
	}
	atMost := func(name string, got, limit float64, unit string) {
		all = append(all, goal{Name: name, Wanted: "≤ " + number(limit), Got: got, Unit: unit, Met: got <= limit})
	}
	own := make(map[string]row)
	for _, r := range rows {
		if r.Backend == subjectName && r.Ratio != nil {
			own[r.Column] = r
		}
	}
	front := func(of func(c column, r row)) {
		for _, c := range columns {
			if r, measured := own[c.Key]; measured && c.behindNginx() {
				of(c, r)
			}
		}
	}
	front(func(c column, r row) { atLeast("throughput ÷ nginx, "+c.Name, r.Ratio.Median, 1) })
	front(func(c column, r row) { atMost("processor time ÷ nginx, "+c.Name, r.CPURatio.Median, 1, "") })
	front(func(c column, r row) { atMost("p99 ÷ nginx, "+c.Name, r.P99Ratio.Median, 1.5, "") })
	monitor := 0.0
	front(func(_ column, r row) {
		if r.Monitor != nil {
			monitor = max(monitor, r.Monitor.Median)
		}
	})
	if monitor > 0 {
		atMost("wake-ups of Go's monitor under load, most of a column", monitor, monitorLimit, "/s")
	}
	for _, r := range rests {
		if r.Backend != subjectName {
			continue
		}
		atMost("memory at rest", float64(r.Resident)/1e6, 10, "MB")
		if c := r.Crowd; c != nil {
			atMost(c.name(), float64(c.Resident)/1e6, 10, "MB")
		}
		atMost("memory of an idle connection", r.Idle/1024, idleLimit, "KiB")
		atMost("exec to first 200", spreadOf(r.First).Median, 3, "ms")
	}
	for _, m := range micros {
		if m.Name == "Reactor/wazero-compiler" {
			atMost("a verdict of the WebAssembly module in wazero", m.Nanoseconds.Median/1000, 3, "µs")
		}
	}
	var verdict, verdictAllocations, requestAllocations float64
	for _, m := range micros {
		switch {
		case m.isVerdict():
			if m.Name != "Verdict/basic" { // which also decodes, in a time that depends on the user name
				verdict = max(verdict, m.Nanoseconds.Median)
			}
			verdictAllocations = max(verdictAllocations, m.Allocations.Max)
		case m.isRequest():
			requestAllocations = max(requestAllocations, m.Allocations.Max)
		}
	}
	if len(micros) > 0 {
		atMost("the slowest verdict of package core", verdict, verdictLimit, "ns")
		atMost("allocations of a verdict", verdictAllocations, 0, "")
		atMost("allocations of a request", requestAllocations, 0, "")
	}
	return all
}
