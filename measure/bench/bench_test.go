package main

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const loadOutput = `Running 1s test @ http://127.0.0.1:40001/keep-tcp/auth-service
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   255.58us  120.22us   3.27ms   81.49%
  Latency Distribution
     50%  230.00us
     99%  548.00us
  57053 requests in 1.10s, 15.72MB read
Requests/sec:  51938.05
result duration=1098481 requests=57053 p50=230 p90=401 p99=548 p999=1204 errors=3
`

func TestParseLoad(t *testing.T) {
	got, err := parseLoad(loadOutput)
	if err != nil {
		t.Fatal(err)
	}
	want := load{Duration: 1098481 * time.Microsecond, Requests: 57053, P50: 230, P90: 401, P99: 548, P999: 1204, Errors: 3}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A load that is not understood must not pass for one without errors.
func TestParseLoadRefuses(t *testing.T) {
	for name, output := range map[string]string{
		"nothing":             "",
		"wrk alone":           strings.Replace(loadOutput, "result ", "", 1),
		"no errors field":     strings.Replace(loadOutput, " errors=3", "", 1),
		"an odd value":        strings.Replace(loadOutput, "errors=3", "errors=nan3", 1),
		"not one was served":  strings.Replace(loadOutput, "requests=57053", "requests=0", 1),
		"cut within the line": strings.Split(loadOutput, " p999")[0],
	} {
		if got, err := parseLoad(output); err == nil {
			t.Errorf("%s: got %+v and no error", name, got)
		}
	}
}

func TestParseResident(t *testing.T) {
	got, err := parseResident([]byte("Name:\tnginx\nVmHWM:\t    9000 kB\nVmRSS:\t    7216 kB\nRssAnon:\t 1 kB\n"))
	if err != nil || got != 7216<<10 {
		t.Errorf("got %d, %v", got, err)
	}
	for _, bad := range []string{"", "VmHWM:\t 9000 kB\n", "VmRSS:\t many kB\n"} {
		if got, err := parseResident([]byte(bad)); err == nil {
			t.Errorf("%q: got %d and no error", bad, got)
		}
	}
}

const microOutput = `goos: linux
BenchmarkVerdict/entries=1/right-2         	 1000000	       237.8 ns/op	       0 B/op	       0 allocs/op
BenchmarkVerdict/entries=1/right-2         	 1000000	       239.8 ns/op	       0 B/op	       0 allocs/op
BenchmarkVerdict/entries=1000/right-2      	 1000000	       240.0 ns/op	       0 B/op	       0 allocs/op
BenchmarkVerdict/entries=1/a-2             	 1000000	       230.0 ns/op	       0 B/op	       0 allocs/op
BenchmarkVerdict/single                    	 1515700	       156.7 ns/op	       8 B/op	       1 allocs/op
BenchmarkReactor/compiled-2                	  300000	      3012.0 ns/op	       0 B/op	       0 allocs/op
BenchmarkGuest/httpwasm-2                  	  100084	      6060 ns/op	         4.001 host-calls/op	    6864 B/op	      38 allocs/op
BenchmarkHead-2                            	 1611458	       149.2 ns/op	1407.32 MB/s	       0 B/op	       0 allocs/op
PASS
`

func TestParseMicro(t *testing.T) {
	got, err := parseMicro(microOutput)
	if err != nil {
		t.Fatal(err)
	}
	want := []micro{
		{Name: "Verdict/single", Nanoseconds: spread{156.7, 156.7, 156.7}, Allocations: spread{1, 1, 1}},
		{Name: "Verdict/entries=1/a", Nanoseconds: spread{230, 230, 230}, Allocations: spread{}},
		{Name: "Verdict/entries=1/right", Nanoseconds: spread{238.8, 237.8, 239.8}, Allocations: spread{}},
		{Name: "Verdict/entries=1000/right", Nanoseconds: spread{240, 240, 240}, Allocations: spread{}},
		{Name: "Reactor/compiled", Nanoseconds: spread{3012, 3012, 3012}, Allocations: spread{}},
		{Name: "Guest/httpwasm", Nanoseconds: spread{6060, 6060, 6060}, Allocations: spread{38, 38, 38}, HostCalls: &spread{4.001, 4.001, 4.001}},
		{Name: "Head", Nanoseconds: spread{149.2, 149.2, 149.2}, Allocations: spread{}},
	}
	near := func(a, b micro) bool {
		return a.Name == b.Name && math.Abs(a.Nanoseconds.Median-b.Nanoseconds.Median) < 1e-6 &&
			a.Nanoseconds.Min == b.Nanoseconds.Min && a.Nanoseconds.Max == b.Nanoseconds.Max && a.Allocations == b.Allocations && reflect.DeepEqual(a.HostCalls, b.HostCalls)
	}
	if !slices.EqualFunc(got, want, near) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, err := parseMicro("PASS\n"); err == nil {
		t.Errorf("without a benchmark: got %+v and no error", got)
	}
}

func TestSpreadOf(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{4, 1}, spread{2.5, 1, 4}},
		{[]float64{9, 1, 5}, spread{5, 1, 9}},
		{[]float64{2, 100, 1, 3}, spread{2.5, 1, 100}},
	} {
		values := slices.Clone(c.values)
		if got := spreadOf(values); got != c.want {
			t.Errorf("%v: got %v, want %v", c.values, got, c.want)
		}
		if !slices.Equal(values, c.values) {
			t.Errorf("%v was changed to %v", c.values, values)
		}
	}
	if got := spreadOf(nil); !math.IsNaN(got.Median) {
		t.Errorf("of nothing: %v", got)
	}
}

// The ratio is the median of the rounds' ratios. Here the machine slowed down
// for all in the second round, so the ratio of the medians would be 1.5.
func TestRatioIsOfTheSameRound(t *testing.T) {
	rows := summarise([]*cell{
		{Backend: anchorName, Column: "keep-tcp", Samples: []sample{
			{Round: 1, Rate: 1000, P99: 10}, {Round: 2, Rate: 100, P99: 100}, {Round: 3, Rate: 400, P99: 20},
		}},
		{Backend: subjectName, Column: "keep-tcp", Samples: []sample{
			{Round: 3, Rate: 800, P99: 10}, {Round: 1, Rate: 600, P99: 10}, {Round: 2, Rate: 200, P99: 300},
		}},
		{Backend: "gnet", Column: "keep-unix", Samples: []sample{{Round: 1, Rate: 5, P99: 1}}},
	})
	if got, want := *rows[0].Ratio, (spread{1, 1, 1}); got != want {
		t.Errorf("the anchor with itself: got %v, want %v", got, want)
	}
	if got, want := *rows[1].Ratio, (spread{2, 0.6, 2}); got != want {
		t.Errorf("ratio: got %v, want %v", got, want)
	}
	if got, want := *rows[1].P99Ratio, (spread{1, 0.5, 3}); got != want {
		t.Errorf("ratio of p99: got %v, want %v", got, want)
	}
	if got := rows[1].Rate.Median; got != 600 {
		t.Errorf("rate: got %v, want 600", got)
	}
	if rows[2].Ratio != nil {
		t.Errorf("a column without an anchor has the ratio %v", *rows[2].Ratio)
	}
}

func TestGoals(t *testing.T) {
	ratio := func(v float64) *spread { return &spread{v, v, v} }
	rows := []row{
		{Backend: "gnet", Column: "keep-tcp", Ratio: ratio(9), P99Ratio: ratio(9)},
		{Backend: subjectName, Column: "keep-tcp", Ratio: ratio(0.99), P99Ratio: ratio(1.5), CPURatio: ratio(1.01), Monitor: ratio(100)},
		{Backend: subjectName, Column: "once-tcp", Ratio: ratio(1), P99Ratio: ratio(1.51), CPURatio: ratio(1), Monitor: ratio(301)},
		{Backend: subjectName, Column: "direct-16", Ratio: ratio(0.1), P99Ratio: ratio(9), CPURatio: ratio(9), Monitor: ratio(999)},
	}
	rests := []rest{
		{Backend: "gnet", Resident: 1e9, Idle: 1e9, First: []float64{1e9}},
		{Backend: subjectName, Resident: 10_000_001, Idle: 4096, First: []float64{2, 4, 3}, Crowd: &afterCrowd{"1m0s", 10000, 10_000_000}},
	}
	micros := []micro{
		{Name: "Verdict/entries=1/right", Nanoseconds: spread{100, 90, 999}},
		{Name: "Verdict/single", Nanoseconds: spread{181, 1, 181}},
		{Name: "Reactor/wazero-compiler", Nanoseconds: spread{3001, 1, 9999}},
		{Name: "Advance/granted", Nanoseconds: spread{9999, 9999, 9999}, Allocations: spread{0, 0, 1}},
	}
	want := map[string]bool{
		"throughput ÷ nginx, keep-alive, TCP":             false,
		"throughput ÷ nginx, connection per request, TCP": true,
		"p99 ÷ nginx, keep-alive, TCP":                    true,
		"p99 ÷ nginx, connection per request, TCP":        false,

		"processor time ÷ nginx, keep-alive, TCP":               false,
		"processor time ÷ nginx, connection per request, TCP":   true,
		"wake-ups of Go's monitor under load, most of a column": false,
		"a verdict of the WebAssembly module in wazero":         false,

		"memory at rest": false,
		"memory after 1m0s of load and 10000 connections that have gone": true,
		"memory of an idle connection":                                   true,
		"exec to first 200":                                              true,
		"the slowest verdict of package core":                            false,
		"allocations of a verdict":                                       true,
		"allocations of a request":                                       false,
	}
	got := goals(rows, rests, micros)
	if len(got) != len(want) {
		t.Errorf("got %d goals, want %d", len(got), len(want))
	}
	for _, g := range got {
		if met, known := want[g.Name]; !known || met != g.Met {
			t.Errorf("%s, %s, got %v: met is %v", g.Name, g.Wanted, g.Got, g.Met)
		}
	}
	basic := micro{Name: "Verdict/basic", Nanoseconds: spread{9999, 9999, 9999}, Allocations: spread{0, 0, 1}}
	for _, g := range goals(nil, nil, []micro{basic, {Name: "Verdict/field", Nanoseconds: spread{verdictLimit, 1, 999}}}) {
		if g.Met != (g.Name != "allocations of a verdict") {
			t.Errorf("%s, %s, got %v: met is %v", g.Name, g.Wanted, g.Got, g.Met)
		}
	}
	if got := goals(nil, nil, nil); len(got) != 0 {
		t.Errorf("of nothing measured: %v", got)
	}
}

func TestChoose(t *testing.T) {
	all, front := len(allBackends()), 4
	for only, want := range map[string]struct {
		backends, columns int
		scaling           bool
	}{
		"":                       {all, len(columns), true},
		"auth-service":           {2, len(columns), false},
		"nginx":                  {1, len(columns), false},
		"keep-tcp,once-tcp":      {all - 1, 2, false}, // not auth-service-1-loop
		"keep-unix":              {all - 4, 1, false}, // not akas, python, none either
		"direct-16,direct-1000":  {5, 2, false},
		"keep-tcp,gnet,net/http": {3, 1, false},
		"gnet,direct-16":         {1, 1, false}, // gnet does not answer there
		"scaling":                {2, 0, true},
		"scaling,direct-16":      {5, 1, true},
		"scaling,gnet":           {2, len(columns), true},
	} {
		got, err := choose(only)
		if err != nil || len(got.columns) != want.columns || got.scaling != want.scaling {
			t.Errorf("-only %q: %+v, %v", only, got, err)
			continue
		}
		if len(got.backends) != want.backends {
			t.Errorf("-only %q: the backends are %s", only, listed(got.backends, func(b *backend) string { return b.Name }))
		}
		if got.backends[0].Name != anchorName {
			t.Errorf("-only %q: the first is %s", only, got.backends[0].Name)
		}
	}
	if len(columns) != front+3 {
		t.Errorf("%d columns", len(columns))
	}
	for _, only := range []string{"apache", "gnet,", "gnet,keep", "scaling,scal"} {
		if _, err := choose(only); err == nil {
			t.Errorf("-only %q: no error", only)
		}
	}
}

func TestFrontConfiguration(t *testing.T) {
	backends := allBackends()
	for _, b := range backends {
		b.tcp, b.socket = "127.0.0.1:1", "/s/"+b.fileName()
	}
	text := frontConfiguration("127.0.0.1:9", backends)
	for _, want := range []string{
		"upstream keep-tcp-nethttp { server 127.0.0.1:1; keepalive 64; }",
		"upstream once-unix-gnet { server unix:/s/gnet; }",
		"location = /keep-unix/auth-service { auth_request /_auth/keep-unix/auth-service; empty_gif; }",
		"location = /keep-tcp/none { empty_gif; }",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Count(text, "{") != strings.Count(text, "}") {
		t.Error("braces do not match")
	}
	if strings.Contains(text, "direct") {
		t.Error("a column in which wrk asks has a location")
	}
	if strings.Contains(text, "_auth/keep-tcp/none") || strings.Contains(text, "keep-tcp/python") {
		t.Error("a cell that cannot be measured has a location")
	}
}
