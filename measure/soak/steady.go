package main

import (
	"errors"
	"fmt"
	"slices"
)

// sample is what the process has at one time.
type sample struct {
	resident    float64 // bytes
	descriptors float64
	threads     float64
	goroutines  float64
}

// figure is one of a sample's, and by how much it may rise.
type figure struct {
	name     string
	of       func(sample) float64
	relative float64 // of what it was
	absolute float64 // in addition
}

var figures = []figure{
	{"resident bytes", func(s sample) float64 { return s.resident }, 0.10, 2 << 20},
	{"descriptors", func(s sample) float64 { return s.descriptors }, 0.10, 20},
	{"threads", func(s sample) float64 { return s.threads }, 0, 3},
	{"goroutines", func(s sample) float64 { return s.goroutines }, 0, 8},
}

// thirds are the medians of the first and of the last third. The load is the
// same all the time; what is still growing after a third of it is a leak.
func (f figure) thirds(taken []sample) (early, late float64) {
	n := len(taken) / 3
	if n == 0 {
		return 0, 0
	}
	return f.median(taken[:n]), f.median(taken[len(taken)-n:])
}

func (f figure) median(taken []sample) float64 {
	values := make([]float64, len(taken))
	for i, s := range taken {
		values[i] = f.of(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// steady returns an error that names what has risen.
func steady(taken []sample) error {
	if len(taken) < 6 {
		return fmt.Errorf("only %d samples", len(taken))
	}
	var risen []error
	for _, f := range figures {
		early, late := f.thirds(taken)
		if late > early*(1+f.relative)+f.absolute {
			risen = append(risen, fmt.Errorf("%s have risen from %.0f to %.0f", f.name, early, late))
		}
	}
	return errors.Join(risen...)
}
