package core

import (
	"strings"
	"testing"
	"time"
)

// FuzzTime: a time is what package time takes it for, if it has the form of RFC 3339
// and a year of four digits in UTC.
func FuzzTime(f *testing.F) {
	for _, seed := range []string{
		"2027-01-31", "2027-01-31T00:00:00Z", "2027-01-31t23:59:59z", "2027-01-31T00:00:00.25+02:00",
		"2024-02-29T12:00:00-23:59", "2027-02-29", "2027-02-30", "2027-00-01", "2027-13-01", "2027-01-00", "2027-01-32",
		"2027-01-31T24:00:00Z", "2027-01-31T00:60:00Z", "2027-01-31T00:00:60Z", "2100-02-29", "2000-02-29",
		"0000-01-01T00:00:00+00:01", "0000-01-01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:59Z",
		"2027-01-31T00:00:00.Z", "2027-01-31T00:00:00,5Z", "2027-01-31T00:00:00+24:00", "2027-01-31T00:00:00-00:60",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		seconds, ok := ParseTime([]byte(value))
		upper := strings.ToUpper(value)
		want, err := time.Parse(time.RFC3339, upper)
		if err != nil {
			want, err = time.Parse(time.DateOnly, upper)
		} else if !hasTimeForm([]byte(value)) {
			return // package time takes more
		}
		exists := err == nil && writable(want.Unix())
		if ok != exists || ok && seconds != want.Unix() {
			t.Errorf("%q: %d, %v; package time: %v, %v", value, seconds, ok, want, err)
		}
	})
}
