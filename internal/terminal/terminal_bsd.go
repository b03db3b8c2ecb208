//go:build darwin || freebsd

package terminal

import "golang.org/x/sys/unix"

const (
	getTermios = unix.TIOCGETA
	setTermios = unix.TIOCSETA
)

// longestLine is the longest line that a terminal hands over, with its end (MAX_CANON of
// macOS).
const longestLine = 1024
