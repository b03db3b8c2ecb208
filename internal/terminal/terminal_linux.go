package terminal

import "golang.org/x/sys/unix"

const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETS
)

// longestLine is the longest line that a terminal hands over, with its end (termios(3)).
const longestLine = 4096
