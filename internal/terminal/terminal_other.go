//go:build !linux && !darwin && !freebsd

package terminal

import "golang.org/x/term"

// ReadHidden reads one line from a terminal that does not show it. Copies of parts
// of the line may stay in memory until the process ends.
func ReadHidden(fd int) ([]byte, error) { return term.ReadPassword(fd) }
