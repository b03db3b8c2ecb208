package main

import (
	"fmt"
	"strconv"
	"strings"
)

// charts are the plots of a run by the names of their files. What was not
// measured has none.
func (r *result) charts() map[string]*chart {
	all := map[string]*chart{
		"throughput.svg": r.throughputChart(),
		"latency.svg":    r.latencyChart(),
		"memory.svg":     r.memoryChart(),
		"verdict.svg":    r.verdictChart(),
		"hop.svg":        r.hopChart(),
	}
	for name, c := range all {
		if len(c.groups) == 0 {
			delete(all, name)
		}
	}
	return all
}

func (r *result) throughputChart() *chart {
	c := &chart{
		title:       "Requests per second, nginx = 1",
		description: fmt.Sprintf("Median of %d rounds, each compared with nginx in the same round; the lines show the least and the greatest.", r.Rounds),
		limit:       1, limitLabel: "nginx",
	}
	c.groups = r.grouped(func(row row) (b bar, ok bool) {
		if row.Ratio == nil {
			return b, false
		}
		return bar{
			value: row.Ratio.Median, low: row.Ratio.Min, high: row.Ratio.Max,
			text: fmt.Sprintf("%.2f × · %s/s", row.Ratio.Median, number(row.Rate.Median)),
		}, true
	})
	return c
}

func (r *result) latencyChart() *chart {
	c := &chart{
		title:       "Latency, µs",
		description: "Points, from large to small: p50, p90, p99, p99.9; medians of all rounds. Logarithmic. On the right p50 / p99.",
		logarithmic: true,
	}
	c.groups = r.grouped(func(row row) (bar, bool) {
		return bar{
			points: []float64{row.P50.Median, row.P90.Median, row.P99.Median, row.P999.Median},
			text:   latencyText(row),
		}, true
	})
	return c
}

// grouped makes a group of each column and a bar of each row in it.
func (r *result) grouped(of func(row) (bar, bool)) []group {
	var groups []group
	for _, c := range r.Columns {
		g := group{title: c.Name}
		for _, row := range r.Rows {
			if row.Column != c.Key {
				continue
			}
			if b, ok := of(row); ok {
				b.label, b.class = row.Backend, classOf(row.Backend)
				g.bars = append(g.bars, b)
			}
		}
		if len(g.bars) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

func (r *result) memoryChart() *chart {
	c := &chart{
		title:       "Memory of an idle connection, KiB",
		description: "What a kept connection adds to the server's resident memory, each after one request.",
		limit:       idleLimit, limitLabel: "goal",
	}
	var g group
	for _, s := range r.Rests {
		g.title = number(float64(s.Connections)) + " connections"
		g.bars = append(g.bars, bar{
			label: s.Backend, class: classOf(s.Backend),
			value: s.Idle / 1024, text: number(s.Idle/1024) + " KiB",
		})
	}
	if len(g.bars) > 0 {
		c.groups = []group{g}
	}
	return c
}

func (r *result) verdictChart() *chart {
	c := &chart{
		title:       "A verdict, ns, by the number of tokens in the keyring",
		description: fmt.Sprintf("Package core, without HTTP. Median of %d runs.", r.Rounds),
		limit:       verdictLimit, limitLabel: "goal",
	}
	for _, m := range r.Micro {
		if !m.isVerdict() {
			continue
		}
		title, which := "AUTH_SERVICE_TOKEN, no keyring", "right"
		if rest, found := strings.CutPrefix(m.Name, "Verdict/entries="); found {
			var tokens string
			tokens, which, _ = strings.Cut(rest, "/")
			entries, err := strconv.ParseFloat(tokens, 64)
			if err != nil {
				continue
			}
			title = "a keyring of " + number(entries)
		}
		if last := len(c.groups) - 1; last < 0 || c.groups[last].title != title {
			c.groups = append(c.groups, group{title: title})
		}
		g := &c.groups[len(c.groups)-1]
		g.bars = append(g.bars, bar{
			label: which + " token", class: subjectClass,
			value: m.Nanoseconds.Median, low: m.Nanoseconds.Min, high: m.Nanoseconds.Max,
			text: number(m.Nanoseconds.Median) + " ns",
		})
	}
	return c
}

// hopChart compares the ways for a program to have a verdict.
func (r *result) hopChart() *chart {
	c := &chart{
		title:       "Time to a verdict, for one caller at a time, µs",
		description: "Medians, on a logarithmic scale.",
		logarithmic: true,
	}
	one := func(label string, microseconds float64) bar {
		return bar{label: label, class: subjectClass, points: []float64{microseconds}, text: number(microseconds) + " µs"}
	}
	within, across := group{title: "within the program"}, group{title: "asking auth-service on a kept connection"}
	for _, m := range r.Micro {
		if m.Name == "Verdict/entries=1000/right" {
			within.bars = append(within.bars, one("package core", m.Nanoseconds.Median/1000))
		}
		if way, found := strings.CutPrefix(m.Name, "Reactor/"); found {
			within.bars = append(within.bars, one("wasm, "+way, m.Nanoseconds.Median/1000))
		}
	}
	for _, s := range r.Rests {
		if s.Backend != subjectName {
			continue
		}
		across.bars = append(across.bars, one("TCP", s.TCP.Median))
		if s.Unix != nil {
			across.bars = append(across.bars, one("unix", s.Unix.Median))
		}
	}
	for _, g := range []group{within, across} {
		if len(g.bars) > 0 {
			c.groups = append(c.groups, g)
		}
	}
	return c
}
