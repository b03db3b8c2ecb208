//go:build !linux

package secret

// forgetRepetitions and wipeEnvironmentBlock need Linux's /proc. Elsewhere the
// block stays as it is.
func forgetRepetitions(string) error    { return nil }
func wipeEnvironmentBlock(string) error { return nil }

// ForbidDumps keeps the process's memory out of core files and away from other
// processes of the same user. Outside Linux it does nothing, and the system's own
// settings apply.
func ForbidDumps() error { return nil }
