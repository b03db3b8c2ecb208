//go:build unix

package main

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// wasClosed reports whether standard output was closed when the program started. The Go
// runtime then opens the null device in its place, for reading and writing. A shell's
// >/dev/null opens it for writing alone.
func wasClosed(f *os.File, info fs.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	if err != nil || !os.SameFile(info, null) {
		return false
	}
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDWR
}
