package core

import "time"

// midnight makes a time of a date.
const midnight = "T00:00:00Z"

// parseTime returns the Unix second of an RFC 3339 time, or the first second in
// UTC of a date. Package time checks the calendar, but accepts forms that RFC
// 3339 §5.6 does not, so parseTime checks the form first. The year must have four
// digits in UTC too. An offset can shift it out of that range, and then the time
// could not be written in this form again.
func parseTime(value []byte) (seconds int64, ok bool) {
	if hasForm(value, "0000-00-00") {
		value = append(value[:len(value):len(value)], midnight...)
	}
	if !hasTimeForm(value) {
		return 0, false
	}
	var t time.Time
	if t.UnmarshalText(upperLetters(value)) != nil {
		return 0, false
	}
	return t.Unix(), writable(t.Unix())
}

// upperLetters returns a time with T and Z in upper case: RFC 3339 §5.6 allows
// either, package time does not.
func upperLetters(value []byte) []byte {
	const t = len("0000-00-00")
	z := len(value) - 1
	if value[t] == 'T' && value[z] != 'z' {
		return value
	}
	upper := append([]byte(nil), value...)
	upper[t] = 'T'
	if upper[z] == 'z' {
		upper[z] = 'Z'
	}
	return upper
}

// writable reports whether a Unix second is in a year of four digits.
func writable(seconds int64) bool { return firstSecond <= seconds && seconds <= lastSecond }

const (
	firstSecond = -62167219200 // 0000-01-01T00:00:00Z
	lastSecond  = 253402300799 // 9999-12-31T23:59:59Z
)

// formatTime is the RFC 3339 time of a Unix second.
func formatTime(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// hasTimeForm reports whether b is digits and separators as in
// 2027-01-31T00:00:00.5+02:00, of which the fraction may be lacking and the
// offset may be Z, and either letter in lower case.
func hasTimeForm(b []byte) bool {
	const date, clock = "0000-00-00", "00:00:00"
	const dateTime = len(date) + 1 + len(clock)
	if len(b) <= dateTime || !hasForm(b[:len(date)], date) || b[len(date)]|0x20 != 't' || !hasForm(b[len(date)+1:dateTime], clock) {
		return false
	}
	b = b[dateTime:]
	if b[0] == '.' {
		end := 1
		for end < len(b) && isDigit(b[end]) {
			end++
		}
		if end == 1 {
			return false
		}
		b = b[end:]
	}
	return string(b) == "Z" || string(b) == "z" ||
		(hasForm(b, "+00:00") || hasForm(b, "-00:00")) && string(b[1:3]) <= "23" && string(b[4:6]) <= "59"
}

// hasForm reports whether b is form with any digit for each 0.
func hasForm(b []byte, form string) bool {
	if len(b) != len(form) {
		return false
	}
	for i, c := range b {
		if form[i] == '0' && !isDigit(c) || form[i] != '0' && c != form[i] {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
