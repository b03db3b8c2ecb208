//go:build !linux

package resident

// GiveBackStart does nothing outside Linux.
func GiveBackStart() {}
