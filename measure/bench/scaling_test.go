package main

import (
	"slices"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		processors []int
		want       []string
		words      string
	}{
		{[]int{3}, []string{"loops=1 server=3 load=3"}, "one processor"},
		{[]int{0, 1}, []string{"loops=1 server=0 load=1", "loops=1 server=0,1 load=0,1", "loops=2 server=0,1 load=0,1"}, "cannot show that two loops"},
		{[]int{0, 1, 4, 5}, []string{
			"loops=1 server=0 load=1", "loops=2 server=0,1 load=4,5",
			"loops=1 server=0,1,4,5 load=0,1,4,5", "loops=4 server=0,1,4,5 load=0,1,4,5",
		}, "up to 2 loops"},
	} {
		s := &scaling{Settings: settingsOn(c.processors)}
		var got []string
		for _, one := range s.Settings {
			got = append(got, one.key())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: got %q, want %q", c.processors, got, c.want)
		}
		if words := s.Words(); !strings.Contains(words, c.words) {
			t.Errorf("%v: %s", c.processors, words)
		}
	}
}

// Loops are compared with one loop where the load has the same place.
func TestGain(t *testing.T) {
	settings := settingsOn([]int{0, 1, 2, 3})
	s := &scaling{Settings: settings}
	for i, setting := range settings {
		rate := []float64{100, 190, 300, 330}[i]
		s.Cells = append(s.Cells, &cell{Backend: subjectName, Column: setting.key(), Samples: []sample{{Round: 1, Rate: rate}}})
	}
	for i, want := range []string{"1.00", "1.90", "1.00", "1.10"} {
		if got := s.gain(settings[i], s.Cells[i]); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", settings[i].key(), got, want)
		}
	}
}

func TestParseAllowed(t *testing.T) {
	got, err := parseAllowed([]byte("Name:\tx\nCpus_allowed_list:\t0-2,5\n"))
	if err != nil || !slices.Equal(got, []int{0, 1, 2, 5}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "Cpus_allowed_list:\t\n", "Cpus_allowed_list:\t0-x\n"} {
		if got, err := parseAllowed([]byte(bad)); err == nil {
			t.Errorf("%q: got %v and no error", bad, got)
		}
	}
}
