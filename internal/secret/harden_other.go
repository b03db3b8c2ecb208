//go:build !linux

package main

// forgetRepetitions and wipeEnvironmentBlock need Linux's /proc; elsewhere the
// block stays as it is.
func forgetRepetitions(string) error    { return nil }
func wipeEnvironmentBlock(string) error { return nil }

// forbidDumps is for Linux; elsewhere the system's own settings hold.
func forbidDumps() error { return nil }

func descriptorLimit() (uint64, bool) { return 0, false }
