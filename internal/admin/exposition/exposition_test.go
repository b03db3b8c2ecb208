package exposition

import (
	"bytes"
	"math"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// metrics is a prometheus.Collector of fixed metrics.
type metrics []prometheus.Metric

func (m metrics) Describe(to chan<- *prometheus.Desc) {
	for _, metric := range m {
		to <- metric.Desc()
	}
}

func (m metrics) Collect(to chan<- prometheus.Metric) {
	for _, metric := range m {
		to <- metric
	}
}

// page is what Prometheus' own client makes of metrics.
func page(t *testing.T, m metrics) []byte {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(m); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	encoder := expfmt.NewEncoder(&b, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

var oddValues = []float64{
	0, 1, -1, 0.1, 1e6, 999999, 1e21, 1e-7, 123456789, 1.79559806756e9, math.Copysign(0, -1),
	math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), math.NaN(), 1 << 53, math.MaxUint64,
}

// TestAppend compares pages with those of Prometheus' own client, byte for byte.
func TestAppend(t *testing.T) {
	t.Parallel()
	const odd = "a \\ and a \" and a\nline, and é{}=,"
	var wanted metrics
	var families []Family
	for i, value := range oddValues {
		name := "a_" + string(rune('a'+i))
		families = append(families, Single(Gauge, name, odd, value))
		wanted = append(wanted, prometheus.MustNewConstMetric(prometheus.NewDesc(name, odd, nil, nil), prometheus.GaugeValue, value))
	}

	by := map[string]uint64{"": 0, "x": 1, odd: 2_000_000, "B": 3, "b": 4, "system:a/b+c@example.com": 5}
	families = append(families, By(Counter, "by_total", "By a label.", "label", by))
	desc := prometheus.NewDesc("by_total", "By a label.", []string{"label"}, nil)
	for label, n := range by {
		wanted = append(wanted, prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), label))
	}

	families = append(families, Family{Name: "info", Help: "Two labels.", Kind: Gauge, Samples: []Sample{{Labels: []Label{{"a", "1"}, {"b", "2"}}, Value: 1}}})
	wanted = append(wanted, prometheus.MustNewConstMetric(prometheus.NewDesc("info", "Two labels.", []string{"b", "a"}, nil), prometheus.GaugeValue, 1, "2", "1"))

	families = append(families, Distribution("seconds", "", []Bucket{{2.5e-7, 0}, {0.001, 7}, {1, 1_000_000}}, 12.5, 1_000_001))
	wanted = append(wanted, prometheus.MustNewConstHistogram(prometheus.NewDesc("seconds", "", nil, nil), 1_000_001, 12.5, map[float64]uint64{2.5e-7: 0, 0.001: 7, 1: 1_000_000}))

	families = append(families, Family{Name: "quantiles", Help: "A summary.", Kind: Summary, Samples: []Sample{
		{Labels: []Label{{"quantile", "0"}}, Value: 0.25},
		{Labels: []Label{{"quantile", "0.5"}}, Value: 1},
		{Suffix: "_sum", Value: 3},
		{Suffix: "_count", Value: 4},
	}})
	wanted = append(wanted, prometheus.MustNewConstSummary(prometheus.NewDesc("quantiles", "A summary.", nil, nil), 4, 3, map[float64]float64{0: 0.25, 0.5: 1}))

	families = append(families, Family{Name: "none", Help: "Without a sample.", Kind: Gauge})

	if got, want := Append(nil, families), page(t, wanted); !bytes.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
