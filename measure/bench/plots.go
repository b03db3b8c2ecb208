package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/concrete-security/auth-service/measure/internal/chart"
)

// charts are the plots of a run by the names of their files. What was not
// measured has none.
func (r *result) charts() map[string]*chart.Chart {
	all := map[string]*chart.Chart{
		"throughput.svg": r.throughputChart(),
		"latency.svg":    r.latencyChart(),
		"memory.svg":     r.memoryChart(),
		"verdict.svg":    r.verdictChart(),
		"hop.svg":        r.hopChart(),
	}
	for name, c := range all {
		if len(c.Groups) == 0 {
			delete(all, name)
		}
	}
	return all
}

func (r *result) throughputChart() *chart.Chart {
	c := &chart.Chart{
		Title:       "Requests per second, nginx = 1",
		Description: fmt.Sprintf("Median of %d rounds, each compared with nginx in the same round; the lines show the least and the greatest.", r.Rounds),
		Limit:       1, LimitLabel: "nginx",
	}
	c.Groups = r.grouped(func(row row) (b chart.Bar, ok bool) {
		if row.Ratio == nil {
			return b, false
		}
		return chart.Bar{
			Value: row.Ratio.Median, Low: row.Ratio.Min, High: row.Ratio.Max,
			Text: fmt.Sprintf("%.2f × · %s/s", row.Ratio.Median, number(row.Rate.Median)),
		}, true
	})
	return c
}

func (r *result) latencyChart() *chart.Chart {
	c := &chart.Chart{
		Title:       "Latency, µs",
		Description: "Points, from large to small: p50, p90, p99, p99.9; medians of all rounds. Logarithmic. On the right p50 / p99.",
		Logarithmic: true,
	}
	c.Groups = r.grouped(func(row row) (chart.Bar, bool) {
		return chart.Bar{
			Points: []float64{row.P50.Median, row.P90.Median, row.P99.Median, row.P999.Median},
			Text:   latencyText(row),
		}, true
	})
	return c
}

// grouped makes a group of each column behind nginx and a bar of each row in it.
func (r *result) grouped(of func(row) (chart.Bar, bool)) []chart.Group {
	var groups []chart.Group
	for _, c := range r.Columns {
		if !c.behindNginx() {
			continue
		}
		g := chart.Group{Title: c.Name}
		for _, row := range r.Rows {
			if row.Column != c.Key {
				continue
			}
			if b, ok := of(row); ok {
				b.Label, b.Class = row.Backend, classOf(row.Backend)
				g.Bars = append(g.Bars, b)
			}
		}
		if len(g.Bars) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

func (r *result) memoryChart() *chart.Chart {
	c := &chart.Chart{
		Title:       "Memory of an idle connection, KiB",
		Description: "What a kept connection adds to the server's resident memory, each after one request.",
		Limit:       idleLimit, LimitLabel: "goal",
	}
	var g chart.Group
	for _, s := range r.Rests {
		g.Title = number(float64(s.Connections)) + " connections"
		g.Bars = append(g.Bars, chart.Bar{
			Label: s.Backend, Class: classOf(s.Backend),
			Value: s.Idle / 1024, Text: number(s.Idle/1024) + " KiB",
		})
	}
	if len(g.Bars) > 0 {
		c.Groups = []chart.Group{g}
	}
	return c
}

func (r *result) verdictChart() *chart.Chart {
	c := &chart.Chart{
		Title:       "A verdict, ns, by the number of tokens in the keyring",
		Description: fmt.Sprintf("Package core, without HTTP. Median of %d runs.", r.Rounds),
		Limit:       verdictLimit, LimitLabel: "goal",
	}
	for _, m := range r.Micro {
		if !m.isVerdict() {
			continue
		}
		title, which := "AUTH_SERVICE_TOKEN, no keyring", "right"
		switch m.Name {
		case "Verdict/basic":
			title = "by Basic, a keyring of 1,000"
		case "Verdict/field":
			title = "in a field, a keyring of 1,000"
		}
		if rest, found := strings.CutPrefix(m.Name, "Verdict/entries="); found {
			var tokens string
			tokens, which, _ = strings.Cut(rest, "/")
			entries, err := strconv.ParseFloat(tokens, 64)
			if err != nil {
				continue
			}
			title = "a keyring of " + number(entries)
		}
		if last := len(c.Groups) - 1; last < 0 || c.Groups[last].Title != title {
			c.Groups = append(c.Groups, chart.Group{Title: title})
		}
		g := &c.Groups[len(c.Groups)-1]
		g.Bars = append(g.Bars, chart.Bar{
			Label: which + " token", Class: chart.Subject,
			Value: m.Nanoseconds.Median, Low: m.Nanoseconds.Min, High: m.Nanoseconds.Max,
			Text: number(m.Nanoseconds.Median) + " ns",
		})
	}
	return c
}

// hopChart compares the ways for a program to have a verdict.
func (r *result) hopChart() *chart.Chart {
	c := &chart.Chart{
		Title:       "Time to a verdict, for one caller at a time, µs",
		Description: "Medians, on a logarithmic scale.",
		Logarithmic: true,
	}
	one := func(label string, microseconds float64) chart.Bar {
		return chart.Bar{Label: label, Class: chart.Subject, Points: []float64{microseconds}, Text: number(microseconds) + " µs"}
	}
	within, across := chart.Group{Title: "within the program"}, chart.Group{Title: "asking auth-service on a kept connection"}
	for _, m := range r.Micro {
		if m.Name == "Verdict/entries=1000/right" {
			within.Bars = append(within.Bars, one("package core", m.Nanoseconds.Median/1000))
		}
		if way, found := strings.CutPrefix(m.Name, "Reactor/"); found {
			within.Bars = append(within.Bars, one("wasm, "+way, m.Nanoseconds.Median/1000))
		}
	}
	for _, s := range r.Rests {
		if s.Backend != subjectName {
			continue
		}
		across.Bars = append(across.Bars, one("TCP", s.TCP.Median))
		if s.Unix != nil {
			across.Bars = append(across.Bars, one("unix", s.Unix.Median))
		}
	}
	for _, g := range []chart.Group{within, across} {
		if len(g.Bars) > 0 {
			c.Groups = append(c.Groups, g)
		}
	}
	return c
}

// classOf tells the subject and the anchor from the other backends.
func classOf(backend string) string {
	switch backend {
	case subjectName:
		return chart.Subject
	case anchorName:
		return chart.Anchor
	default:
		return chart.Other
	}
}
