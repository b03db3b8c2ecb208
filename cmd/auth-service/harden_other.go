//go:build !linux

package main

// wipeEnvironmentBlock needs Linux's /proc; elsewhere the block stays as it is.
func wipeEnvironmentBlock(string) {}

// forbidDumps is for Linux; elsewhere the system's own settings hold.
func forbidDumps() error { return nil }

func descriptorLimit() (uint64, bool) { return 0, false }
