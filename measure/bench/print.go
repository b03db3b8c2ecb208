package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// number writes a figure with as many digits as it deserves.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.Abs(v) >= 1000:
		return thousands(int64(math.Round(v)))
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%.0f", v)
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%.1f", v)
	case v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func thousands(n int64) string {
	if n < 0 {
		return "-" + thousands(-n)
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

func (s spread) String() string {
	return fmt.Sprintf("%s (%s–%s)", number(s.Median), number(s.Min), number(s.Max))
}

// ratio writes a spread of values about one.
func (s spread) ratio() string {
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max)
}

// table is rows of text under a head.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(fields ...string) { t.rows = append(t.rows, fields) }

// markdown writes the table as Markdown, aligned, so that it is read as well
// in a terminal.
func (t *table) markdown(w io.Writer) {
	widths := make([]int, len(t.head))
	for _, fields := range append([][]string{t.head}, t.rows...) {
		for i, field := range fields {
			widths[i] = max(widths[i], utf8.RuneCountInString(field), 3)
		}
	}
	line := func(fields []string) {
		for i, field := range fields {
			fmt.Fprintf(w, "| %s%s ", field, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(field)))
		}
		fmt.Fprintln(w, "|")
	}
	line(t.head)
	for i, width := range widths {
		mark := strings.Repeat("-", width+1) + ":"
		if i == 0 {
			mark = strings.Repeat("-", width+2)
		}
		fmt.Fprint(w, "|", mark)
	}
	fmt.Fprintln(w, "|")
	for _, fields := range t.rows {
		line(fields)
	}
}

// matrix is a table of one value for each backend and column in which nginx asks.
func (r *result) matrix(value func(row) string) *table {
	return r.matrixOf(column.behindNginx, value)
}

// direct is the same for the columns in which wrk asks.
func (r *result) direct(value func(row) string) *table {
	return r.matrixOf(func(c column) bool { return !c.behindNginx() }, value)
}

func (r *result) matrixOf(belongs func(column) bool, value func(row) string) *table {
	t := &table{head: []string{"auth backend"}}
	var chosen []column
	for _, c := range r.Columns {
		if belongs(c) {
			chosen = append(chosen, c)
			t.head = append(t.head, c.Name)
		}
	}
	for _, name := range r.backends() {
		if !slices.ContainsFunc(r.Rows, func(candidate row) bool {
			return candidate.Backend == name && slices.ContainsFunc(chosen, func(c column) bool { return c.Key == candidate.Column })
		}) {
			continue
		}
		fields := []string{name}
		for _, c := range chosen {
			text := "–"
			for _, candidate := range r.Rows {
				if candidate.Backend == name && candidate.Column == c.Key {
					text = value(candidate)
				}
			}
			fields = append(fields, text)
		}
		t.add(fields...)
	}
	return t
}

func ratioText(r row) string {
	if r.Ratio == nil {
		return "–"
	}
	return r.Ratio.ratio()
}

func tailText(r row) string {
	if r.P99Ratio == nil {
		return "–"
	}
	return r.P99Ratio.ratio()
}

func rateText(r row) string { return r.Rate.String() }

func latencyText(r row) string {
	return number(r.P50.Median) + " / " + number(r.P99.Median)
}

func cpuText(r row) string {
	if r.Backend == ceilingName {
		return "–"
	}
	return number(r.CPU.Median)
}

// own is what a request costs the service, beside nginx and the floor.
func (r *result) own() *table {
	t := &table{head: []string{"column", "auth backend", "processor time, µs", "÷ nginx", "voluntary switches", "wake-ups of Go's monitor, /s"}}
	for _, c := range r.Columns {
		for _, candidate := range r.Rows {
			if candidate.Column != c.Key || !slices.Contains([]string{anchorName, subjectName, oneLoopName, floorCName, floorGoName}, candidate.Backend) {
				continue
			}
			ratio, monitor := "–", "–"
			if candidate.CPURatio != nil {
				ratio = candidate.CPURatio.ratio()
			}
			if candidate.Monitor != nil {
				monitor = candidate.Monitor.String()
			}
			name := c.Name
			if c.Direct > 0 {
				name = "direct, " + name
			}
			t.add(name, candidate.Backend, number(candidate.CPU.Median), ratio, fmt.Sprintf("%.2f", candidate.Switches.Median), monitor)
		}
	}
	return t
}

func (r *result) goalTable() *table {
	t := &table{head: []string{"goal", "wanted", "measured", "met"}}
	for _, g := range r.Goals {
		met := "no"
		if g.Met {
			met = "yes"
		}
		unit := ""
		if g.Unit != "" {
			unit = " " + g.Unit
		}
		t.add(g.Name, g.Wanted+unit, number(g.Got)+unit, met)
	}
	return t
}

func (r *result) restTable() *table {
	t := &table{head: []string{"server", "at rest, MB", "idle connection, KiB", "exec to first 200, ms", "answer over TCP, µs", "over unix, µs"}}
	for _, s := range r.Rests {
		unix := "–"
		if s.Unix != nil {
			unix = s.Unix.String()
		}
		t.add(s.Backend, number(float64(s.Resident)/1e6), number(s.Idle/1024), spreadOf(s.First).String(), s.TCP.String(), unix)
	}
	return t
}

// print writes everything for a terminal.
func (r *result) print(w io.Writer) {
	for _, part := range []struct {
		title string
		*table
	}{
		{"Throughput ÷ nginx in the same round: median (least–greatest)", r.matrix(ratioText)},
		{"Requests per second", r.matrix(rateText)},
		{"p99 ÷ nginx in the same round", r.matrix(tailText)},
		{"Latency p50 / p99, µs", r.matrix(latencyText)},
		{"The backend's processor time per request, µs", r.matrix(cpuText)},
		{"What a request costs: the service beside nginx and the floor", r.own()},
		{"Asked directly by wrk: throughput ÷ nginx", r.direct(ratioText)},
		{"Asked directly by wrk: p99 ÷ nginx", r.direct(tailText)},
		{"Asked directly by wrk: requests per second", r.direct(rateText)},
		{"More loops", r.Scaling.table()},
		{"At rest", r.restTable()},
		{"Go benchmarks", r.MicroTable()},
		{"Goals of auth-service", r.goalTable()},
	} {
		if len(part.rows) > 0 {
			fmt.Fprintf(w, "\n%s\n\n", part.title)
			part.markdown(w)
		}
	}
}
