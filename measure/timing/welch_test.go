package main

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// drawn are times as they are measured: about mean, with a long tail.
func drawn(r *rand.Rand, n int, mean, spread float64) []float64 {
	samples := make([]float64, n)
	for i := range samples {
		samples[i] = mean + spread*math.Abs(r.NormFloat64())
		if r.IntN(100) == 0 {
			samples[i] += 1000 * r.Float64()
		}
	}
	return samples
}

func TestCompare(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 50_000
	reference := drawn(r, n, 200, 20)
	for name, c := range map[string]struct {
		samples []float64
		differs bool
	}{
		"the same":         {drawn(r, n, 200, 20), false},
		"slower":           {drawn(r, n, 202, 20), true},
		"faster":           {drawn(r, n, 198, 20), true},
		"more spread":      {drawn(r, n, 200, 22), true},
		"a slower tail":    {append(drawn(r, n*4/5, 200, 20), drawn(r, n/5, 230, 20)...), true},
		"nothing measured": {nil, false},
	} {
		m := compare(reference, c.samples)
		if (m.t > suspicious) != c.differs {
			t.Errorf("%s: |t| is %.1f", name, m.t)
		}
	}
}

func TestWelch(t *testing.T) {
	// By hand: means 2 and 5, variances 1 and 1, three samples each.
	statistic, difference, standardError := welch([]float64{1, 2, 3}, []float64{4, 5, 6})
	if difference != -3 || math.Abs(standardError-math.Sqrt(2.0/3)) > 1e-12 || math.Abs(statistic+3/math.Sqrt(2.0/3)) > 1e-12 {
		t.Error(statistic, difference, standardError)
	}
	if statistic, _, _ := welch([]float64{1, 1}, []float64{2, 2}); !math.IsInf(statistic, 1) {
		t.Error("no variance, and a difference:", statistic)
	}
	if statistic, _, _ := welch([]float64{1, 1}, []float64{1, 1}); statistic != 0 {
		t.Error("no difference:", statistic)
	}
}

// TestControl: a comparison that leaks is caught, and one that is not caught is
// a failure.
func TestControl(t *testing.T) {
	s, err := coreSetting(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := pairs()
	leaky := all[len(all)-1]
	if !leaky.leaks {
		t.Fatal("the last pair is not the control")
	}
	r, err := s.judge(t.Context(), leaky, 20*block)
	if err != nil || !r.good() || !r.Confirmed {
		t.Errorf("%+v, %v", r, err)
	}
	for _, bad := range []result{{Control: true}, {Confirmed: true}} {
		if bad.good() {
			t.Errorf("%+v passes", bad)
		}
	}
}

func TestWrongAt(t *testing.T) {
	token := strings.Repeat("A", 52)
	for _, at := range []int{0, 51} {
		wrong := wrongAt(token, at)
		if wrong[at] == 'A' || wrong[:at]+"A"+wrong[at+1:] != token {
			t.Errorf("%d: %s", at, wrong)
		}
	}
}

func TestPlot(t *testing.T) {
	svg := plotOf([]result{{Setting: "core", Pair: "leaky: a / b", Control: true, T: 1200}, {Setting: "wasm", Pair: "entry: a / b", T: 0}}).SVG()
	for _, want := range []string{"leaky", "entry", "core", "wasm", "1200.0"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %q in the plot", want)
		}
	}
}
