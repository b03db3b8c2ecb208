package core

import "time"

// midnight makes a time of a date.
const midnight = "T00:00:00Z"

// ParseTime reads a time as a keyring has it behind expires= and created=: an RFC 3339
// time, or a date, which means its first second in UTC. It returns the Unix second, and
// drops fractions of it. The year must have four digits in UTC too. An offset can shift
// it out of that range, and then the time could not be written in this form again.
//
// Package time's own parser accepts forms that RFC 3339 §5.6 does not, and is some 3 % of
// a WebAssembly module.
func ParseTime(value []byte) (seconds int64, ok bool) {
	if hasForm(value, "0000-00-00") {
		value = append(value[:len(value):len(value)], midnight...)
	}
	if !hasTimeForm(value) {
		return 0, false
	}
	year := 100*twoDigits(value) + twoDigits(value[2:])
	month, day := time.Month(twoDigits(value[5:])), twoDigits(value[8:])
	hour, minute, second := twoDigits(value[11:]), twoDigits(value[14:]), twoDigits(value[17:])
	t := time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	// Date makes another time of one that does not exist.
	if y, m, d := t.Date(); y != year || m != month || d != day {
		return 0, false
	}
	if h, m, s := t.Clock(); h != hour || m != minute || s != second {
		return 0, false
	}
	seconds = t.Unix() - offset(value)
	return seconds, writable(seconds)
}

// offset returns how many seconds a time of the right form is ahead of UTC.
func offset(value []byte) int64 {
	if value[len(value)-1]|0x20 == 'z' {
		return 0
	}
	zone := value[len(value)-len("+00:00"):]
	seconds := int64(60 * (60*twoDigits(zone[1:]) + twoDigits(zone[4:])))
	if zone[0] == '-' {
		return -seconds
	}
	return seconds
}

func twoDigits(b []byte) int { return int(10*(b[0]-'0') + b[1] - '0') }

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
