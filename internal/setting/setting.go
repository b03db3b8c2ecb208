// Package setting reads the values of settings. An error of a setting says that
// nothing gets better until somebody changes the configuration.
package setting

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An Error lasts until somebody changes the configuration. Other errors may pass
// on their own, such as an address that is in use.
type Error struct{ Err error }

// Error returns the text of the error within.
func (e Error) Error() string { return e.Err.Error() }

// Unwrap returns the error within.
func (e Error) Unwrap() error { return e.Err }

// Invalid returns an [Error] with a text as [fmt.Errorf] makes it.
func Invalid(format string, arguments ...any) error {
	return Error{fmt.Errorf(format, arguments...)}
}

// Lasts reports whether there is an [Error] in err.
func Lasts(err error) bool { return errors.As(err, new(Error)) }

// OneLine returns the text of an error on one line, for a log. Errors that are
// joined in it are separated by semicolons.
func OneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// WholeNumber reads the value of the setting called name, a number from least to
// most.
func WholeNumber(name, value string, least, most int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < least || n > most {
		return 0, Invalid("%s: %q is not a whole number from %d to %d", name, value, least, most)
	}
	return n, nil
}

// Duration reads the value of the setting called name, a time from a millisecond
// to a day.
func Duration(name, value string) (time.Duration, error) {
	const least, most = time.Millisecond, 24 * time.Hour
	d, err := time.ParseDuration(strings.TrimSpace(value))
	if err != nil || d < least || d > most {
		return 0, Invalid("%s: %q is not a time from 1ms to 24h, such as 10s", name, value)
	}
	return d, nil
}
