// Command timing measures whether the time of a verdict tells anything about a
// token, in the manner of dudect (Reparaz, Balasch, Verbauwhede: "Dude, is my
// code constant time?", DATE 2017): two classes of inputs in random order, and
// Welch's t-test on what each takes.
//
// It measures the native core, the server through a socket, and the WebAssembly
// module under wazero. In each of them the same test has to catch a comparison
// that does leak, or its silence on the others would say nothing.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/concrete-security/auth-service/measure/internal/chart"
)

const (
	// suspicious is the |t| from which a difference is taken for real: the
	// paper's bound for leaks that are small but there.
	suspicious = 10
	// moreSamples is how many times more of them decide, when |t| is over it.
	moreSamples = 4
)

// result is what was found out about two classes in a setting.
type result struct {
	Setting   string  `json:"setting"`
	Pair      string  `json:"pair"`
	Control   bool    `json:"control,omitempty"` // has to be caught
	Shown     bool    `json:"shown,omitempty"`   // no promise: not judged
	Samples   int     `json:"samples"`
	T         float64 `json:"t"`
	Nanos     float64 `json:"difference_ns"`
	Smallest  float64 `json:"smallest_difference_caught_ns"`
	Confirmed bool    `json:"confirmed,omitempty"` // over the bound, twice
}

func (r *result) good() bool { return r.Shown || r.Control == r.Confirmed }

func (r *result) verdict() string {
	switch {
	case r.Shown:
		return "shown"
	case r.Control && r.Confirmed:
		return "caught, as it should be"
	case r.Control:
		return "NOT CAUGHT"
	case r.Confirmed:
		return "DIFFERS"
	}
	return "no difference"
}

func main() {
	samples := flag.Int("samples", 200_000, "measurements of each pair in core; a fifth of them elsewhere")
	only := flag.String("only", "", "settings to measure, such as core,wasm (all)")
	plot := flag.String("plot", "", "file for a plot")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	results, err := measureAll(ctx, *samples, *only)
	if err == nil && *plot != "" {
		err = os.WriteFile(*plot, []byte(plotOf(results).SVG()), 0o644) //nolint:gosec // it is to be read by all
	}
	if err == nil && *asJSON {
		err = json.NewEncoder(os.Stdout).Encode(results)
	} else if err == nil {
		err = printTable(os.Stdout, results)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "timing:", err)
		os.Exit(1)
	}
	for _, r := range results {
		if !r.good() {
			os.Exit(1)
		}
	}
}

func measureAll(ctx context.Context, samples int, only string) (results []result, err error) {
	for _, open := range []func(context.Context) (*setting, error){coreSetting, serverSetting, wasmSetting} {
		s, err := open(ctx)
		if err != nil {
			return nil, err
		}
		defer s.close()
		if only != "" && !strings.Contains(","+only+",", ","+s.name+",") {
			continue
		}
		n := samples
		if s.name != "core" {
			n /= 5
		}
		for _, p := range pairs() {
			if p.not == s.name {
				continue
			}
			r, err := s.judge(ctx, p, n)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", s.name, p.name, err)
			}
			results = append(results, r)
		}
	}
	return results, nil
}

// judge measures a pair. If it seems to differ, as many samples more decide.
func (s *setting) judge(ctx context.Context, p pair, samples int) (result, error) {
	r := result{Setting: s.name, Pair: p.name, Control: p.leaks, Shown: p.shown[s.name]}
	for range 2 {
		m, err := s.measure(ctx, p, samples)
		if err != nil {
			return r, err
		}
		r.Samples, r.T, r.Nanos, r.Smallest = samples, m.t, m.difference, m.smallest
		r.Confirmed = m.t > suspicious
		if !r.Confirmed || p.leaks || r.Shown {
			break
		}
		samples *= moreSamples
	}
	return r, nil
}

func printTable(to io.Writer, results []result) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "setting\tfirst class / second class\tsamples\t|t|\tdifference\tsmallest that is caught\t")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%s\t%d\t%.1f\t%.1f ns\t%.1f ns\t%s\n", r.Setting, r.Pair, r.Samples, r.T, r.Nanos, r.Smallest, r.verdict())
	}
	return w.Flush()
}

func plotOf(results []result) *chart.Chart {
	c := &chart.Chart{
		Title:       "Does the time of a verdict tell the classes apart?",
		Description: fmt.Sprintf("|t| of Welch's test; from %d on it does. The comparison that leaks is the control.", suspicious),
		Logarithmic: true, Limit: suspicious, LimitLabel: strconv.Itoa(suspicious),
	}
	for _, r := range results {
		if last := len(c.Groups) - 1; last < 0 || c.Groups[last].Title != r.Setting {
			c.Groups = append(c.Groups, chart.Group{Title: r.Setting})
		}
		g := &c.Groups[len(c.Groups)-1]
		class := chart.Subject
		if r.Control {
			class = chart.Anchor
		}
		g.Bars = append(g.Bars, chart.Bar{Class: class, Value: max(r.T, 0.1), Label: r.short(), Text: fmt.Sprintf("%.1f", r.T)})
	}
	return c
}

// short is the pair in as many words as a plot has room for.
func (r *result) short() string {
	name, _, _ := strings.Cut(r.Pair, ":")
	return name
}
