package main

import (
	"math"
	"slices"
)

// measurement is what Welch's test says of two classes.
type measurement struct {
	t          float64 // the largest |t| of all tests
	difference float64 // of the means, outliers cropped; nanoseconds
	smallest   float64 // difference that would have been taken for real
}

// crops are the shares of the samples, the fastest ones, that are compared. What
// disturbs a measurement makes it slower; a leak shows in all of them.
var crops = []float64{1, 0.99, 0.95, 0.9, 0.75, 0.5}

// compare applies the test to the samples of two classes: to all of them, to the
// faster ones, and to the squares of their distances from the mean, which shows
// classes that differ in variance alone.
func compare(a, b []float64) measurement {
	all := slices.Concat(a, b)
	slices.Sort(all)
	var m measurement
	for _, share := range crops {
		limit := all[min(int(share*float64(len(all))), len(all)-1)]
		x, y := below(a, limit), below(b, limit)
		t, difference, err := welch(x, y)
		m.t = max(m.t, math.Abs(t))
		if share == 0.9 {
			m.difference, m.smallest = difference, suspicious*err
			t, _, _ = welch(squares(x), squares(y))
			m.t = max(m.t, math.Abs(t))
		}
	}
	return m
}

func below(samples []float64, limit float64) []float64 {
	kept := make([]float64, 0, len(samples))
	for _, v := range samples {
		if v <= limit {
			kept = append(kept, v)
		}
	}
	return kept
}

func squares(samples []float64) []float64 {
	mean, _ := moments(samples)
	squared := make([]float64, len(samples))
	for i, v := range samples {
		squared[i] = (v - mean) * (v - mean)
	}
	return squared
}

// welch returns t, the difference of the means, and its standard error.
func welch(a, b []float64) (t, difference, standardError float64) {
	if len(a) < 2 || len(b) < 2 {
		return 0, 0, 0
	}
	meanA, varianceA := moments(a)
	meanB, varianceB := moments(b)
	difference = meanA - meanB
	standardError = math.Sqrt(varianceA/float64(len(a)) + varianceB/float64(len(b)))
	if standardError == 0 {
		if difference == 0 {
			return 0, 0, 0
		}
		return math.Inf(1), difference, 0
	}
	return difference / standardError, difference, standardError
}

func moments(samples []float64) (mean, variance float64) {
	for _, v := range samples {
		mean += v
	}
	mean /= float64(len(samples))
	for _, v := range samples {
		variance += (v - mean) * (v - mean)
	}
	return mean, variance / float64(len(samples)-1)
}
