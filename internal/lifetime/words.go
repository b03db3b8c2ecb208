package lifetime

import (
	"strconv"
	"time"
)

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
	year   = 365 * day
)

// Exact returns the RFC 3339 time of a Unix second, in UTC.
func Exact(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// Relative says how far away a Unix second is, such as "in 90 days" or "2 hours ago".
func Relative(seconds int64, now time.Time) string {
	away := seconds - now.Unix()
	length := max(away, -away)
	switch {
	case away == 0:
		return "now"
	case length < 2*minute:
		return count(away, length, "second")
	case length < 2*hour:
		return count(away, rounded(length, minute), "minute")
	case length < 2*day:
		return count(away, rounded(length, hour), "hour")
	case length < 2*year:
		return count(away, rounded(length, day), "day")
	}
	return count(away, rounded(length, year), "year")
}

// Day says how far away the day of a Unix second is, such as "today" or "5 days ago". It
// is for times that only tell the day. Days are those of UTC.
func Day(seconds int64, now time.Time) string {
	away := dayOf(seconds) - dayOf(now.Unix())
	switch length := max(away, -away); {
	case away == 0:
		return "today"
	case away == 1:
		return "tomorrow"
	case away == -1:
		return "yesterday"
	case length*day < 2*year:
		return count(away, length, "day")
	default:
		return count(away, rounded(length*day, year), "year")
	}
}

// dayOf returns the number of the day of a Unix second.
func dayOf(seconds int64) int64 {
	if seconds < 0 {
		return (seconds+1)/day - 1
	}
	return seconds / day
}

func rounded(seconds, unit int64) int64 { return (seconds + unit/2) / unit }

// count returns "in 2 days" if away is positive, else "2 days ago".
func count(away, n int64, unit string) string {
	text := strconv.FormatInt(n, 10) + " " + unit
	if n != 1 {
		text += "s"
	}
	if away < 0 {
		return text + " ago"
	}
	return "in " + text
}
