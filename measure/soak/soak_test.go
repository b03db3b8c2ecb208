package main

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"
)

// series is samples of which one figure rises by a step each time.
func series(n int, base, step sample) (taken []sample) {
	for i := range n {
		at := float64(i)
		taken = append(taken, sample{
			base.resident + at*step.resident, base.descriptors + at*step.descriptors,
			base.threads + at*step.threads, base.goroutines + at*step.goroutines,
		})
	}
	return taken
}

func TestSteady(t *testing.T) {
	base := sample{resident: 12 << 20, descriptors: 80, threads: 8, goroutines: 12}
	for name, c := range map[string]struct {
		step sample
		want string
	}{
		"flat":        {sample{}, ""},
		"falling":     {sample{resident: -1000}, ""},
		"memory":      {sample{resident: 100 << 10}, "resident bytes have risen"},
		"descriptors": {sample{descriptors: 1}, "descriptors have risen"},
		"threads":     {sample{threads: 0.1}, "threads have risen"},
		"goroutines":  {sample{goroutines: 0.2}, "goroutines have risen"},
	} {
		err := steady(series(samplesTaken, base, c.step))
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if steady(series(5, base, sample{})) == nil {
		t.Error("five samples are enough")
	}
}

// TestSoak is the short form.
func TestSoak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it reads /proc, which Linux alone has")
	}
	var out bytes.Buffer
	if err := soak(t.Context(), &out, 6*time.Second); err != nil {
		t.Error(err)
	}
	t.Log(out.String())
	if !strings.Contains(out.String(), " 0 of them wrong") {
		t.Error("there were wrong verdicts")
	}
}
