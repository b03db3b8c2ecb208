package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

//go:embed report.md.tmpl
var reportText string

// writeReport writes docs/benchmarks.md and the plots that it shows.
func (r *result) writeReport(docs string) error {
	plots := filepath.Join(docs, "benchmarks")
	if err := os.MkdirAll(plots, 0o755); err != nil { //nolint:gosec // documents are for everybody
		return err
	}
	for name, c := range r.charts() {
		if err := os.WriteFile(filepath.Join(plots, name), []byte(c.SVG()), 0o644); err != nil { //nolint:gosec // see above
			return err
		}
	}
	var text strings.Builder
	if err := r.report(&text); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(docs, "benchmarks.md"), []byte(text.String()), 0o644) //nolint:gosec // see above
}

// report writes the page.
func (r *result) report(w io.Writer) error {
	charts := r.charts()
	t, err := template.New("report").Funcs(template.FuncMap{
		"markdown": func(t *table) string {
			var text strings.Builder
			t.markdown(&text)
			return strings.TrimSuffix(text.String(), "\n")
		},
		"plot": func(name string) string {
			c, found := charts[name]
			if !found {
				return ""
			}
			return fmt.Sprintf("\n![%s](benchmarks/%s)\n", c.Title, name)
		},
		"number":        number,
		"crowdPatience": crowdPatience.String,
	}).Parse(reportText)
	if err != nil {
		return err
	}
	return t.Execute(w, r)
}

func (r *result) Ratios() *table    { return r.matrix(ratioText) }
func (r *result) Rates() *table     { return r.matrix(rateText) }
func (r *result) Tails() *table     { return r.matrix(tailText) }
func (r *result) Latencies() *table { return r.matrix(latencyText) }
func (r *result) CPU() *table       { return r.matrix(cpuText) }
func (r *result) AtRest() *table    { return r.restTable() }
func (r *result) GoalTable() *table { return r.goalTable() }
func (r *result) Own() *table       { return r.own() }

func (r *result) DirectRatios() *table { return r.direct(ratioText) }
func (r *result) DirectTails() *table  { return r.direct(tailText) }
func (r *result) DirectRates() *table  { return r.direct(rateText) }
func (r *result) ScalingTable() *table { return r.Scaling.table() }

// Peers says what each backend is that was measured, and which are missing.
func (r *result) Peers() string {
	var w strings.Builder
	measured := r.backends()
	for _, b := range allBackends() {
		if slices.Contains(measured, b.Name) {
			fmt.Fprintf(&w, "- **%s**: %s\n", b.Name, b.What)
		}
	}
	for _, text := range r.Missing {
		fmt.Fprintf(&w, "- %s\n", text)
	}
	return strings.TrimSuffix(w.String(), "\n")
}

func (r *result) MicroTable() *table {
	t := &table{head: []string{"Go benchmark", "ns", "allocations", "calls of the host"}}
	for _, m := range r.Micro {
		allocations, calls := number(m.Allocations.Max), "–"
		if m.HostCalls != nil { // the allocations are the host's
			allocations, calls = "–", number(m.HostCalls.Median)
		}
		t.add(m.Name, m.Nanoseconds.String(), allocations, calls)
	}
	return t
}
