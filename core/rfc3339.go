package core

import "time"

// parseTime returns the Unix second of an RFC 3339 time. Package time checks
// the calendar, but takes forms that RFC 3339 §5.6 does not know, so the form
// is checked first. The year must be four digits in UTC too, where an offset
// can lead out of them, or the time could not be written down again.
func parseTime(value []byte) (seconds int64, ok bool) {
	var t time.Time
	if !hasTimeForm(value) || t.UnmarshalText(value) != nil {
		return 0, false
	}
	year := t.UTC().Year()
	return t.Unix(), 0 <= year && year <= 9999
}

// hasTimeForm reports whether b is digits and separators as in
// 2027-01-31T00:00:00.5+02:00, of which the fraction may be lacking and the
// offset may be Z.
func hasTimeForm(b []byte) bool {
	const dateTime = "0000-00-00T00:00:00"
	if len(b) <= len(dateTime) || !hasForm(b[:len(dateTime)], dateTime) {
		return false
	}
	b = b[len(dateTime):]
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
	return string(b) == "Z" ||
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
