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
}

// summarise computes a row for each cell.
func summarise(cells []*cell) []row {
	anchors := make(map[string]map[int]sample) // by column and round
	for _, c := range cells {
		if c.Backend != anchorName {
			continue
		}
		anchors[c.Column] = make(map[int]sample)
		for _, s := range c.Samples {
			anchors[c.Column][s.Round] = s
		}
	}
	rows := make([]row, 0, len(cells))
	for _, c := range cells {
		r := row{
			Backend: c.Backend, Column: c.Column,
			Rate: c.spread(func(s sample) float64 { return s.Rate }),
			P50:  c.spread(func(s sample) float64 { return s.P50 }),
			P90:  c.spread(func(s sample) float64 { return s.P90 }),
			P99:  c.spread(func(s sample) float64 { return s.P99 }),
			P999: c.spread(func(s sample) float64 { return s.P999 }),
			CPU:  c.spread(func(s sample) float64 { return s.CPU }),
		}
		var rates, tails []float64
		for _, s := range c.Samples {
			if anchor, found := anchors[c.Column][s.Round]; found {
				rates = append(rates, s.Rate/anchor.Rate)
				tails = append(tails, s.P99/anchor.P99)
			}
		}
		if len(rates) > 0 {
			rate, tail := spreadOf(rates), spreadOf(tails)
			r.Ratio, r.P99Ratio = &rate, &tail
		}
		rows = append(rows, r)
	}
	return rows
}

func (c *cell) spread(value func(sample) float64) spread {
	values := make([]float64, 0, len(c.Samples))
	for _, s := range c.Samples {
		values = append(values, value(s))
	}
	return spreadOf(values)
}

// Goals that the plots show too.
const (
	idleLimit    = 4   // KiB
	verdictLimit = 250 // ns
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
	limits := map[string]float64{"keep-tcp": 1, "once-tcp": 0.95}
	for _, c := range columns {
		r, measured := own[c.Key]
		if limit, found := limits[c.Key]; found && measured {
			atLeast("throughput ÷ nginx, "+c.Name, r.Ratio.Median, limit)
		}
	}
	for _, c := range columns {
		if r, measured := own[c.Key]; measured {
			atMost("p99 ÷ nginx, "+c.Name, r.P99Ratio.Median, 1.5, "")
		}
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
	var verdict, verdictAllocations, requestAllocations float64
	for _, m := range micros {
		switch {
		case m.isVerdict():
			verdict = max(verdict, m.Nanoseconds.Median)
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
