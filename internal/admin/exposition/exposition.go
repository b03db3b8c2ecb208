// Package exposition writes metrics in the text format that Prometheus reads,
// version 0.0.4:
//
//	page   = *family
//	family = "# HELP " name SP help LF
//	         "# TYPE " name SP kind LF
//	         1*( name [ "{" label *( "," label ) "}" ] SP value LF )
//	label  = label-name "=" DQUOTE label-value DQUOTE
//
// It writes the same bytes as Prometheus' own client, which its tests compare it
// with. The client itself, and the protocol buffers that it brings along, would take
// more of each start than all of this program.
package exposition

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ContentType is the media type of a page.
const ContentType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"

// A Kind is the type of a metric.
type Kind string

// The kinds of metrics.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
	Summary   Kind = "summary"
)

// A Family is a metric with all its samples.
type Family struct {
	Name string
	// Help says in a sentence what the metric means.
	Help    string
	Kind    Kind
	Samples []Sample
}

// A Sample is one value of a metric.
type Sample struct {
	// Suffix follows the metric's name: "_bucket", "_sum" and "_count" are the
	// samples of a histogram.
	Suffix string
	// Labels tell the samples of a metric apart. They are in the order of their
	// names.
	Labels []Label
	Value  float64
}

// A Label is a name and a value.
type Label struct{ Name, Value string }

// Append appends a page to b. The page has the families in the order of their names,
// and leaves out those without a sample.
func Append(b []byte, families []Family) []byte {
	families = slices.Clone(families)
	slices.SortFunc(families, func(a, b Family) int { return cmp.Compare(a.Name, b.Name) })
	for i := range families {
		b = families[i].append(b)
	}
	return b
}

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	valueEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func (f *Family) append(b []byte) []byte {
	if len(f.Samples) == 0 {
		return b
	}
	b = append(b, "# HELP "+f.Name+" "+helpEscapes.Replace(f.Help)+"\n"...)
	b = append(b, "# TYPE "+f.Name+" "+string(f.Kind)+"\n"...)
	for _, s := range f.Samples {
		b = append(b, f.Name+s.Suffix...)
		separator := byte('{')
		for _, l := range s.Labels {
			b = append(b, separator)
			b = append(b, l.Name+`="`+valueEscapes.Replace(l.Value)+`"`...)
			separator = ','
		}
		if len(s.Labels) > 0 {
			b = append(b, '}')
		}
		b = append(b, ' ')
		b = appendValue(b, s.Value)
		b = append(b, '\n')
	}
	return b
}

func appendValue(b []byte, value float64) []byte {
	switch {
	case math.IsInf(value, 1):
		return append(b, "+Inf"...)
	case math.IsInf(value, -1):
		return append(b, "-Inf"...)
	case value == 0: // -0 as well
		return append(b, '0')
	}
	return strconv.AppendFloat(b, value, 'g', -1, 64)
}

// Single returns a family of one sample without labels.
func Single(kind Kind, name, help string, value float64) Family {
	return Family{Name: name, Help: help, Kind: kind, Samples: []Sample{{Value: value}}}
}

// By returns a family of which one label tells the samples apart. They are in the
// order of the label's values.
func By[T uint64 | int64](kind Kind, name, help, label string, values map[string]T) Family {
	f := Family{Name: name, Help: help, Kind: kind}
	for value, n := range values {
		f.Samples = append(f.Samples, Sample{Labels: []Label{{label, value}}, Value: float64(n)})
	}
	slices.SortFunc(f.Samples, func(a, b Sample) int { return cmp.Compare(a.Labels[0].Value, b.Labels[0].Value) })
	return f
}

// A Bucket is a part of a histogram: how many of its values are at most Bound.
type Bucket struct {
	Bound float64
	Count uint64
}

// Distribution returns a histogram of count values, the sum of which is sum. The
// buckets are in the order of their bounds, without the last, which has all values.
func Distribution(name, help string, buckets []Bucket, sum float64, count uint64) Family {
	f := Family{Name: name, Help: help, Kind: Histogram}
	for _, b := range append(slices.Clip(buckets), Bucket{math.Inf(1), count}) {
		bound := string(appendValue(nil, b.Bound))
		f.Samples = append(f.Samples, Sample{"_bucket", []Label{{"le", bound}}, float64(b.Count)})
	}
	f.Samples = append(f.Samples, Sample{Suffix: "_sum", Value: sum}, Sample{Suffix: "_count", Value: float64(count)})
	return f
}
