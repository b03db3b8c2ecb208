package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/measure/internal/chart"
)

// resultOf makes a result with made-up figures.
func resultOf(t *testing.T) *result {
	t.Helper()
	var cells []*cell
	for i, b := range allBackends() {
		for _, c := range columns {
			if !b.answers(c) {
				continue
			}
			one := &cell{Backend: b.Name, Column: c.Key}
			for round := 1; round <= 3; round++ {
				base := float64(100*(i+1) + round)
				one.Samples = append(one.Samples, sample{
					Round: round, Rate: 5e6 / base, P50: base, P90: base * 2, P99: base * 4, P999: base * 900, CPU: base / 10, Switches: base / 1000,
				})
				if b.Monitored {
					one.Samples[round-1].Monitor = &base
				}
			}
			cells = append(cells, one)
		}
	}
	micros, err := parseMicro(microOutput)
	if err != nil {
		t.Fatal(err)
	}
	r := &result{
		Machine: machine{Processor: "a <fast> processor & more", Processors: 2},
		Rounds:  3, Duration: "1s", Missing: []string{"akas is not measured: no cargo"}, Columns: columns, Cells: cells, Rows: summarise(cells), Micro: micros,
		Rests: []rest{
			{subjectName, 7 << 20, 5000, 400, []float64{3, 4, 5}, spread{20, 19, 30}, &spread{15, 14, 16}, &afterCrowd{"1m0s", 10000, 8 << 20}},
			{"net/http", 8 << 20, 5000, 20000, []float64{3, 4, 5}, spread{40, 30, 50}, nil, nil},
		},
	}
	r.Scaling = &scaling{Settings: settingsOn([]int{0, 1})}
	for i, setting := range r.Scaling.Settings {
		for _, name := range []string{anchorName, subjectName} {
			one := &cell{Backend: name, Column: setting.key()}
			for round := 1; round <= 3; round++ {
				one.Samples = append(one.Samples, sample{Round: round, Rate: float64(i+1) * 1000, P99: 10, CPU: 5})
			}
			r.Scaling.Cells = append(r.Scaling.Cells, one)
		}
	}
	r.Scaling.Rows = summarise(r.Scaling.Cells)
	r.Goals = goals(r.Rows, r.Rests, r.Micro)
	return r
}

// wellFormed fails if the text is not one XML element, and returns the text
// within its text elements.
func wellFormed(t *testing.T, name, text string) (words []string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	elements := 0
	inText := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if elements == 0 && token.Name.Local != "svg" {
				t.Errorf("%s starts with %s", name, token.Name.Local)
			}
			elements++
			inText = token.Name.Local == "text"
		case xml.EndElement:
			inText = false
		case xml.CharData:
			if inText {
				words = append(words, string(token))
			}
		}
	}
	if elements == 0 {
		t.Fatalf("%s is empty", name)
	}
	return words
}

func TestChartsAreWellFormed(t *testing.T) {
	r := resultOf(t)
	charts := r.charts()
	if len(charts) != 5 {
		t.Fatalf("%d charts", len(charts))
	}
	for name, c := range charts {
		text := c.SVG()
		words := strings.Join(wellFormed(t, name, text), "\n")
		for _, g := range c.Groups {
			if !strings.Contains(words, g.Title) {
				t.Errorf("%s does not name %q", name, g.Title)
			}
			for _, b := range g.Bars {
				if !strings.Contains(words, b.Label) || !strings.Contains(words, b.Text) {
					t.Errorf("%s does not show %q, %q", name, b.Label, b.Text)
				}
			}
		}
		for _, bad := range []string{"NaN", "Inf", "%!"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %s", name, bad)
			}
		}
		if !strings.Contains(text, "prefers-color-scheme: dark") {
			t.Errorf("%s has no dark colours", name)
		}
	}
}

func TestChartEscapes(t *testing.T) {
	c := &chart.Chart{Title: `a<b & "c"`, Groups: []chart.Group{{Title: "g", Bars: []chart.Bar{{Label: "</svg>", Value: 1}}}}}
	words := wellFormed(t, "chart", c.SVG())
	for _, want := range []string{c.Title, "</svg>"} {
		if !strings.Contains(strings.Join(words, "\n"), want) {
			t.Errorf("no %q in %q", want, words)
		}
	}
}

func TestReport(t *testing.T) {
	r := resultOf(t)
	docs := t.TempDir()
	if err := r.writeReport(docs); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(docs, "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for name := range r.charts() {
		if !strings.Contains(text, "(benchmarks/"+name+")") {
			t.Errorf("the page does not show %s", name)
		}
		if _, err := os.Stat(filepath.Join(docs, "benchmarks", name)); err != nil {
			t.Error(err)
		}
	}
	for _, want := range []string{
		"| 0.50 (0.50–0.51) ", "| net/http ", "a <fast> processor & more",
		"| keep-alive, TCP              | auth-service ", "| direct, 16 connections       | auth-service-1-loop ", "akas is not measured: no cargo",
		"cannot show that two loops answer more",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Index(text, "compared with nginx") > strings.Index(text, "Requests per second\n") {
		t.Error("ratios do not come first")
	}
	for _, bad := range []string{"NaN", "<no value>", "%!", "\n\n\n"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	// Every line of a table has as many fields as its head.
	head := 0
	for line := range strings.Lines(text) {
		bars := strings.Count(line, "|")
		if bars == 0 {
			head = 0
			continue
		}
		if head == 0 {
			head = bars
		}
		if bars != head {
			t.Errorf("%d fields instead of %d: %s", bars-1, head-1, line)
		}
	}
}

// What -json writes, -from reads.
func TestJSON(t *testing.T) {
	r := resultOf(t)
	name := filepath.Join(t.TempDir(), "results.json")
	if err := r.save(name); err != nil {
		t.Fatal(err)
	}
	again := new(result)
	if err := again.load(name); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(r, again) {
		a, _ := json.Marshal(r)
		b, _ := json.Marshal(again)
		t.Errorf("wrote %s\nread %s", a, b)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.954: "0.95", 19.34: "19.3", 548.4: "548", 51938.05: "51,938", 1_000_000: "1,000,000", -1234: "-1,234",
	} {
		if got := number(v); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
	if got := number(math.NaN()); got != "–" {
		t.Errorf("NaN: got %s", got)
	}
}
