//go:build unix

package main

import "syscall"

// Files of the tests are as they are with the usual mask: the program warns of a
// keyring that others can write.
var _ = syscall.Umask(0o022)
