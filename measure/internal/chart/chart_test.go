package chart

import (
	"math"
	"testing"
)

func TestScale(t *testing.T) {
	of := func(logarithmic bool, values ...float64) scale {
		c := &Chart{Logarithmic: logarithmic, Groups: []Group{{Bars: []Bar{{Points: values}}}}}
		return c.scale()
	}
	for _, c := range []struct {
		scale
		ticks []float64
	}{
		{of(false, 2.12), []float64{0, 0.5, 1, 1.5, 2, 2.5}},
		{of(false, 19.3), []float64{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20}},
		{of(false, 260), []float64{0, 50, 100, 150, 200, 250, 300}},
		{of(true, 59, 1_900_000), []float64{10, 100, 1000, 1e4, 1e5, 1e6, 1e7}},
		{of(true, 100), []float64{100, 1000}},
	} {
		if len(c.scale.ticks) != len(c.ticks) {
			t.Errorf("ticks: got %v, want %v", c.scale.ticks, c.ticks)
			continue
		}
		for i, tick := range c.ticks {
			if math.Abs(c.scale.ticks[i]-tick) > 1e-6*tick {
				t.Errorf("ticks: got %v, want %v", c.scale.ticks, c.ticks)
			}
		}
		first, last := c.place(c.ticks[0]), c.place(c.ticks[len(c.ticks)-1])
		if first != plotLeft || math.Abs(last-plotRight) > 1e-6 {
			t.Errorf("the ticks lie from %v to %v", first, last)
		}
	}
}
