// Package lifetime reads and writes times as people do: when a token ends, and how far
// away a time is.
package lifetime

import (
	"strconv"
	"strings"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/setting"
)

// Expiry reads the value of the flag called name, a time that has to be in the future.
// The text is a lifetime, such as 12h, 90d, 2w or 1y, a date, which ends at 00:00 UTC of
// that day, or an RFC 3339 time. Expiry returns its Unix second.
func Expiry(name, text string, now time.Time) (int64, error) {
	text = strings.TrimSpace(text)
	seconds, ok := core.ParseTime([]byte(text))
	switch {
	case ok && seconds <= now.Unix() && len(text) == len(time.DateOnly):
		return 0, setting.Invalid("%s: %q is not in the future: a date means 00:00 UTC at the start of that day", name, text)
	case ok && seconds <= now.Unix():
		return 0, setting.Invalid("%s: %q is not in the future", name, text)
	case ok:
		return seconds, nil
	case beginsWithDate(text):
		return 0, setting.Invalid("%s: %q is not a time that exists; write a date such as 2027-01-31, or an RFC 3339 time such as 2027-01-31T12:00:00Z", name, text)
	}
	seconds, reason := after(text, now)
	switch {
	case reason == "" && seconds > now.Unix():
		return seconds, nil
	case reason == "", text == "0", isLifetime(strings.TrimPrefix(text, "-"), now):
		reason = "is not in the future"
	case reason == notLifetime:
		reason = "is not a time; write a lifetime such as 12h, 90d, 2w or 1y, a date such as 2027-01-31, or an RFC 3339 time such as 2027-01-31T12:00:00Z"
	}
	return 0, setting.Invalid("%s: %q %s", name, text, reason)
}

// After reads the value of the flag called name, a lifetime such as 12h, 7d or 0, and
// returns the Unix second at which a lifetime that begins now is over.
func After(name, text string, now time.Time) (int64, error) {
	text = strings.TrimSpace(text)
	if text == "0" {
		return now.Unix(), nil
	}
	seconds, reason := after(text, now)
	switch {
	case reason == "":
		return seconds, nil
	case isLifetime(strings.TrimPrefix(text, "-"), now):
		reason = "is less than 0"
	case reason == notLifetime:
		reason = "is not a lifetime; write one such as 12h, 7d or 2w, or 0"
	}
	return 0, setting.Invalid("%s: %q %s", name, text, reason)
}

// notLifetime is why after refuses what does not look like a lifetime at all.
const notLifetime = "is not a lifetime"

// units are those of a lifetime. A part of it has a smaller unit than the part before.
var units = []struct {
	name    string
	seconds int64 // or 0 for years, which the calendar counts
}{
	{"y", 0},
	{"w", 7 * 24 * 60 * 60},
	{"d", 24 * 60 * 60},
	{"h", 60 * 60},
	{"min", 60},
	{"m", 60},
	{"s", 1},
}

// mostOfUnit stands for all larger numbers. No unit fits as often into the years that a
// keyring can have, and that many of each unit still fit into 64 bits.
const mostOfUnit = 1e12

// after returns the Unix second at which a lifetime is over that begins now, or why the
// text is not a lifetime:
//
//	lifetime = 1*part         ; units from the largest to the smallest, each once
//	part     = 1*DIGIT unit
//	unit     = "y" / "w" / "d" / "h" / "min" / "m" / "s"
//
// A year ends on the same day of the next one, or on 1 March if that has no 29 February.
// A lifetime cannot begin with "m", because people write it for months too.
func after(text string, now time.Time) (seconds int64, reason string) {
	var years, span int64
	next := 0 // the largest unit that may follow
	for rest := text; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		letters := len(rest) - digits - len(strings.TrimLeft(rest[digits:], "abcdefghijklmnopqrstuvwxyz"))
		number, name := rest[:digits], rest[digits:][:letters]
		rest = rest[digits+letters:]
		unit := next
		for unit < len(units) && units[unit].name != name {
			unit++
		}
		switch {
		case number != "" && name == "" && rest == "" && next > 0:
			return 0, "has no unit at its end; write one, such as 1h30m"
		case number != "" && name == "" && rest == "":
			return 0, "has a number without a unit; write " + strconv.Quote(text+"d") + " for days or " + strconv.Quote(text+"h") + " for hours"
		case number == "" || unit == len(units):
			return 0, wrongPart(text, now)
		case name == "m" && next == 0:
			return 0, "may mean minutes or months; write " + number + "min for minutes, or days such as 30d"
		}
		if next = unit + 1; name == "min" {
			next++
		}
		n, _ := strconv.ParseInt(number, 10, 64) // the largest number if it is too large
		n = min(n, mostOfUnit)
		if name == "y" {
			years = min(n, 9999) // more would be too much for the calendar
		}
		span += n * units[unit].seconds
	}
	if text == "" {
		return 0, notLifetime
	}
	const lastSecond = 253402300799 // of the year 9999
	end := time.Unix(now.Unix(), 0).UTC().AddDate(int(years), 0, 0).Unix() + span
	if end > lastSecond {
		return 0, "ends after the year 9999"
	}
	return end, ""
}

// wrongPart says what is wrong with a text that is almost a lifetime.
func wrongPart(text string, now time.Time) (reason string) {
	if lower := strings.ToLower(text); lower != text && isLifetime(lower, now) {
		return "has its unit in upper case; write " + lower
	}
	if whole := strings.ReplaceAll(text, ".", ""); whole != text && isLifetime(whole, now) {
		return "has a fraction; write a whole number of a smaller unit, such as 36h for 1.5d"
	}
	return notLifetime
}

// isLifetime reports whether a text is a lifetime.
func isLifetime(text string, now time.Time) bool {
	_, reason := after(text, now)
	return reason == ""
}

// beginsWithDate reports whether a text begins with digits and dashes as a date does.
func beginsWithDate(text string) bool {
	const form = "0000-00-00"
	if len(text) < len(form) {
		return false
	}
	for i := range form {
		if digit := '0' <= text[i] && text[i] <= '9'; digit != (form[i] == '0') || !digit && text[i] != '-' {
			return false
		}
	}
	return true
}
