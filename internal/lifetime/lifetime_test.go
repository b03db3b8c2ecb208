package lifetime_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/lifetime"
	"github.com/concrete-security/auth-service/internal/setting"
)

var now = time.Date(2026, time.November, 25, 15, 30, 45, 999_999_999, time.UTC)

func TestExpiry(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"12h":                       "2026-11-26T03:30:45Z",
		"12h30m":                    "2026-11-26T04:00:45Z",
		"12h30m15s":                 "2026-11-26T04:01:00Z",
		"12h30min15s":               "2026-11-26T04:01:00Z",
		"1s":                        "2026-11-25T15:30:46Z",
		"90s":                       "2026-11-25T15:32:15Z",
		"5min":                      "2026-11-25T15:35:45Z",
		"90d":                       "2027-02-23T15:30:45Z",
		"0090d":                     "2027-02-23T15:30:45Z",
		"1d12h":                     "2026-11-27T03:30:45Z",
		"2w":                        "2026-12-09T15:30:45Z",
		"1y":                        "2027-11-25T15:30:45Z",
		"2y":                        "2028-11-25T15:30:45Z", // 731 days
		"1y2w3d4h":                  "2027-12-12T19:30:45Z",
		" 1y\r\n":                   "2027-11-25T15:30:45Z",
		"0y1s":                      "2026-11-25T15:30:46Z",
		"7973y":                     "9999-11-25T15:30:45Z",
		"2912114d":                  "9999-12-31T15:30:45Z",
		"2027-01-31":                "2027-01-31T00:00:00Z",
		"2026-11-26":                "2026-11-26T00:00:00Z",
		"2027-01-31T12:00:00Z":      "2027-01-31T12:00:00Z",
		"2027-01-31t12:00:00z":      "2027-01-31T12:00:00Z",
		"2027-01-31T12:00:00.99Z":   "2027-01-31T12:00:00Z",
		"2027-01-31T12:00:00+02:00": "2027-01-31T10:00:00Z",
		"2026-11-25T15:30:46Z":      "2026-11-25T15:30:46Z",
		"2026-11-25T16:31:00+01:00": "2026-11-25T15:31:00Z",
		"9999-12-31T23:59:59Z":      "9999-12-31T23:59:59Z",
	} {
		got, err := lifetime.Expiry("--expires", text, now)
		if err != nil || lifetime.Exact(got) != want {
			t.Errorf("%q: %s, %v; want %s", text, lifetime.Exact(got), err, want)
		}
	}
}

func TestLeapDay(t *testing.T) {
	t.Parallel()
	leapDay := time.Date(2028, time.February, 29, 6, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{"1y": "2029-03-01T06:00:00Z", "4y": "2032-02-29T06:00:00Z", "366d": "2029-03-01T06:00:00Z"} {
		got, err := lifetime.Expiry("--expires", text, leapDay)
		if err != nil || lifetime.Exact(got) != want {
			t.Errorf("%q: %s, %v; want %s", text, lifetime.Exact(got), err, want)
		}
	}
	// The year is that of UTC, whatever the zone of the clock.
	newYear := time.Date(2026, time.December, 31, 23, 0, 0, 0, time.FixedZone("", -2*60*60))
	if got, err := lifetime.Expiry("--expires", "1y", newYear); err != nil || lifetime.Exact(got) != "2028-01-01T01:00:00Z" {
		t.Errorf("%s, %v", lifetime.Exact(got), err)
	}
}

// TestLastSecond: the last second of the year 9999 can be written, and the next cannot.
func TestLastSecond(t *testing.T) {
	t.Parallel()
	evening := time.Date(9999, time.December, 31, 23, 59, 58, 0, time.UTC)
	if got, err := lifetime.Expiry("--expires", "1s", evening); err != nil || lifetime.Exact(got) != "9999-12-31T23:59:59Z" {
		t.Errorf("%s, %v", lifetime.Exact(got), err)
	}
	for _, text := range []string{"2s", "1y", "9223372036854775807y9223372036854775807w9223372036854775807d9223372036854775807h9223372036854775807min9223372036854775807s"} {
		if got, err := lifetime.Expiry("--expires", text, evening); err == nil {
			t.Errorf("%s: %s", text, lifetime.Exact(got))
		}
	}
}

func TestNotExpiry(t *testing.T) {
	t.Parallel()
	const (
		past    = "is not in the future"
		none    = "is not a time; write a lifetime such as 12h, 90d, 2w or 1y, a date"
		no      = "is not a time that exists"
		tooLong = "ends after the year 9999"
	)
	for text, want := range map[string]string{
		"":                          none,
		" ":                         none,
		"yesterday":                 none,
		"d":                         none,
		"90 d":                      none,
		"1 year":                    none,
		"1year":                     none,
		"1mo":                       none,
		"500ms":                     none,
		"+1h":                       none,
		"1h1h":                      none,
		"1h1d":                      none,
		"1min1m":                    none,
		"1h30":                      "has no unit at its end",
		"1h-5m":                     none,
		"--1h":                      none,
		"1h\x00":                    none,
		"９０d":                       none,
		"1e3d":                      none,
		"0":                         past,
		"00":                        `has a number without a unit; write "00d"`,
		"5":                         `has a number without a unit; write "5d" for days or "5h" for hours`,
		"90D":                       "has its unit in upper case; write 90d",
		"1Y":                        "has its unit in upper case; write 1y",
		"12H30M":                    "has its unit in upper case; write 12h30m",
		"1.5d":                      "has a fraction; write a whole number of a smaller unit, such as 36h for 1.5d",
		"1m":                        "may mean minutes or months; write 1min for minutes, or days such as 30d",
		"6m":                        "may mean minutes or months; write 6min for minutes",
		"1M":                        none,
		"0d":                        past,
		"0h":                        past,
		"0y0s":                      past,
		"-1h":                       past,
		"-90d":                      past,
		"2001-01-01":                past + ": a date means 00:00 UTC at the start of that day",
		"2026-11-25":                past + ": a date means 00:00 UTC at the start of that day",
		"2026-11-25T15:30:45Z":      past,
		"2026-11-25T16:30:45+01:00": past,
		"0000-01-01":                past,
		"2027-02-29":                no,
		"2027-13-01":                no,
		"2027-01-31 12:00:00":       no,
		"2027-01-31T12:00Z":         no,
		"2027-01-31T12:00:00":       no,
		"2027-01-31T24:00:00Z":      no,
		"9999-12-31T23:59:59-00:01": no,
		"10000-01-01":               none,
		"27-01-31":                  none,
		"7974y":                     tooLong,
		"2912115d":                  tooLong,
		"7973y37d":                  tooLong,
		"999999999999y":             tooLong,
		"1000000000000w":            tooLong,
		"1000000000001s":            tooLong,
		"9223372036854775807d":      tooLong,
		"9223372036854775808d":      tooLong,
		"18446744073709551617s":     tooLong,
	} {
		got, err := lifetime.Expiry("--expires", text, now)
		if err == nil {
			t.Errorf("%q: %s, want an error", text, lifetime.Exact(got))
		} else if !setting.Lasts(err) || !strings.HasPrefix(err.Error(), "--expires: ") || !strings.Contains(err.Error(), `" `+want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "2026-11-25T15:30:45Z", "0s": "2026-11-25T15:30:45Z", "0d": "2026-11-25T15:30:45Z",
		"12h": "2026-11-26T03:30:45Z", " 7d ": "2026-12-02T15:30:45Z", "1y": "2027-11-25T15:30:45Z",
	} {
		got, err := lifetime.After("--grace", text, now)
		if err != nil || lifetime.Exact(got) != want {
			t.Errorf("%q: %s, %v; want %s", text, lifetime.Exact(got), err, want)
		}
	}
	for text, want := range map[string]string{
		"": "is not a lifetime; write one such as", "soon": "is not a lifetime; write one such as", "2027-01-31": "is not a lifetime; write one such as",
		"-1d": "is less than 0", "7": `has a number without a unit; write "7d"`, "7D": "in upper case", "8000y": "ends after the year 9999",
		"00": `has a number without a unit`,
	} {
		got, err := lifetime.After("--grace", text, now)
		if err == nil || !setting.Lasts(err) || !strings.HasPrefix(err.Error(), "--grace: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s, %v; want %s", text, lifetime.Exact(got), err, want)
		}
	}
}

func TestRelative(t *testing.T) {
	t.Parallel()
	const minute, hour, day = 60, 60 * 60, 24 * 60 * 60
	for away, want := range map[int64]string{
		0: "now", 1: "in 1 second", -1: "1 second ago", 119: "in 119 seconds",
		2 * minute: "in 2 minutes", -2 * minute: "2 minutes ago", 2*minute + 30: "in 3 minutes",
		2 * hour: "in 2 hours", 2*hour - 1: "in 120 minutes", 12*hour - 1: "in 12 hours", 47 * hour: "in 47 hours",
		2 * day: "in 2 days", 90 * day: "in 90 days", 90*day - 5: "in 90 days", -89*day - 13*hour: "90 days ago", 365 * day: "in 365 days",
		729 * day: "in 729 days", 730 * day: "in 2 years", -911 * day: "2 years ago", 913 * day: "in 3 years",
	} {
		if got := lifetime.Relative(now.Unix()+away, now); got != want {
			t.Errorf("%d: %q, want %q", away, got, want)
		}
	}
	for _, far := range []int64{-62167219200, 253402300799} {
		if got := lifetime.Relative(far, now); !strings.Contains(got, "years") {
			t.Errorf("%q", got)
		}
	}
}

func TestDay(t *testing.T) {
	t.Parallel()
	at := func(text string) int64 {
		parsed, err := time.Parse(time.DateTime, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Unix()
	}
	for text, want := range map[string]string{
		"2026-11-25 00:00:00": "today", "2026-11-25 23:59:59": "today",
		"2026-11-24 23:59:59": "yesterday", "2026-11-24 00:00:00": "yesterday", "2026-11-23 23:59:59": "2 days ago",
		"2026-11-26 00:00:00": "tomorrow", "2026-11-27 00:00:00": "in 2 days",
		"2024-11-26 00:00:00": "729 days ago", "2024-11-25 00:00:00": "2 years ago", "1969-12-31 23:59:59": "57 years ago",
	} {
		if got := lifetime.Day(at(text), now); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	// Days before 1970 are whole too.
	old := time.Unix(at("1969-12-31 12:00:00"), 0)
	for text, want := range map[string]string{"1969-12-31 00:00:00": "today", "1969-12-30 23:59:59": "yesterday", "1970-01-01 00:00:00": "tomorrow"} {
		if got := lifetime.Day(at(text), old); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// FuzzExpiry: whatever the text is, the result is a time in the future that a keyring
// can hold, or one line that says what is wrong.
func FuzzExpiry(f *testing.F) {
	for _, text := range []string{"12h30m", "1y2w3d4h5m6s", "2027-01-31", "2027-01-31T12:00:00.5+02:00", "9223372036854775807d", "1.5d", "-1h", "1m", "90D", ""} {
		f.Add(text, now.Unix())
	}
	f.Fuzz(func(t *testing.T, text string, second int64) {
		const lastSecond = 253402300799
		if second < 0 || second > lastSecond {
			return
		}
		clock := time.Unix(second, 0)
		for _, read := range []func(string, string, time.Time) (int64, error){lifetime.Expiry, lifetime.After} {
			got, err := read("--x", text, clock)
			switch {
			case err != nil && (!setting.Lasts(err) || strings.ContainsAny(err.Error(), "\n\r")):
				t.Errorf("%q: %q", text, err)
			case err == nil && (got < second || got > lastSecond || got == math.MaxInt64):
				t.Errorf("%q at %d: %d", text, second, got)
			}
		}
	})
}
