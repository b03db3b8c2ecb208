//go:build !linux && !darwin && !freebsd

package main

import "golang.org/x/term"

// readHidden reads one line from a terminal that does not show it, and drops its
// end. Copies of parts of it may stay in memory until the process ends.
func readHidden(fd int) ([]byte, error) { return term.ReadPassword(fd) }
