package prometheus_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A panel is what the tests look at in a panel of Grafana's.
type panel struct {
	Title   string
	GridPos struct{ X, Y, W, H int }
	Targets []struct{ Expr, LegendFormat string }

	FieldConfig struct {
		Defaults struct {
			Mappings   []mapping
			Thresholds struct {
				Steps []struct {
					Color string
					Value *float64
				}
			}
		}
	}
}

// A mapping shows texts and colors in the place of values.
type mapping struct {
	Type    string
	Options json.RawMessage
}

// panels reads the dashboard.
func panels(t *testing.T) []panel {
	t.Helper()
	file, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct{ Panels []panel }
	if err := json.Unmarshal(file, &dashboard); err != nil {
		t.Fatal(err)
	}
	return dashboard.Panels
}

// shows returns the color, and the text if a mapping has one, in which Grafana shows a
// value.
func (p *panel) shows(t *testing.T, value float64) (color, text string) {
	t.Helper()
	for _, m := range p.FieldConfig.Defaults.Mappings {
		if m.Type != "value" {
			continue
		}
		var options map[string]struct{ Text, Color string }
		if err := json.Unmarshal(m.Options, &options); err != nil {
			t.Fatal(err)
		}
		if o, ok := options[strconv.FormatFloat(value, 'f', -1, 64)]; ok {
			return o.Color, o.Text
		}
	}
	for i, step := range p.FieldConfig.Defaults.Thresholds.Steps {
		if (step.Value == nil) != (i == 0) {
			t.Errorf("%s: only the first step has no value", p.Title)
			continue
		}
		if step.Value == nil || value >= *step.Value {
			color = step.Color
		}
	}
	return color, ""
}

// TestColors: green is good, red is bad.
func TestColors(t *testing.T) {
	t.Parallel()
	const day, green, orange, red = 86400, "green", "orange", "red"
	known := panels(t)
	for _, c := range []struct {
		title string
		value float64
		color string
		text  string
	}{
		{"Success rate", 1, green, ""},
		{"Success rate", 0.7, orange, ""},
		{"Success rate", 0, red, ""},
		{"Failure rate", 0, green, ""},
		{"Failure rate", 0.21, orange, ""},
		{"Failure rate", 1, red, ""},
		{"Latency", 20e-6, green, ""},
		{"Latency", 1, red, ""},
		{"Health", 1, green, "Up"},
		{"Health", 0, red, "Down"},
		{"Usable token", 1, green, "Yes"},
		{"Usable token", 0, red, "No"},
		{"Last reload succeeded", 1, green, "Yes"},
		{"Last reload succeeded", 0, red, "No"},
		{"Next token expires in", 90 * day, green, ""},
		{"Next token expires in", 7 * day, orange, ""},
		{"Next token expires in", -1, red, ""},
		{"Next expiry by principal", 90 * day, green, ""},
		{"Next expiry by principal", 7 * day, orange, ""},
		{"Next expiry by principal", -1, red, ""},
		{"Refused requests", 0, green, ""},
		{"Refused requests", 1, orange, ""},
		{"Refused requests", 100, red, ""},
		{"Files last checked", 1, green, ""},
		{"Files last checked", 3600, red, ""},
	} {
		i := slices.IndexFunc(known, func(p panel) bool { return p.Title == c.title })
		if i < 0 {
			t.Errorf("there is no panel %s", c.title)
			continue
		}
		if color, text := known[i].shows(t, c.value); color != c.color || text != c.text {
			t.Errorf("%s: %v is %s %q, want %s %q", c.title, c.value, color, text, c.color, c.text)
		}
	}
}

// TestPanels: the four figures come first that the Python service's page names, and no
// panel covers another.
func TestPanels(t *testing.T) {
	t.Parallel()
	known := panels(t)
	for i, want := range []string{"Success rate", "Failure rate", "Latency", "Health"} {
		if known[i].Title != want || known[i].GridPos.Y != 0 {
			t.Errorf("panel %d is %s in row %d, want %s in row 0", i, known[i].Title, known[i].GridPos.Y, want)
		}
	}
	taken := map[[2]int]string{}
	for _, p := range known {
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok || x >= 24 {
					t.Fatalf("%s covers %s, or is not within 24 columns", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// TestEveryAlertIsTested: once where it fires, and once where it must not. The page names
// each.
func TestEveryAlertIsTested(t *testing.T) {
	t.Parallel()
	read := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	tests, page := read("rules_test.yaml")+read("unused_test.yaml"), read("README.md")
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(read("rules.yaml"), -1)
	if len(alerts) < 9 {
		t.Fatalf("found %d alerts", len(alerts))
	}
	for _, a := range alerts {
		if !strings.Contains(tests, "- alertname: "+a[1]+"\n") || !strings.Contains(tests, "- { alertname: "+a[1]+", eval_time: ") {
			t.Errorf("%s is not tested where it fires and where it must not", a[1])
		}
		if !strings.Contains(page, "| `"+a[1]+"` |") {
			t.Errorf("README.md does not say when %s fires", a[1])
		}
	}
}
