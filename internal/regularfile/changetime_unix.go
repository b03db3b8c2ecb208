//go:build linux || darwin || freebsd

package regularfile

import (
	"io/fs"
	"syscall"
	"time"
)

// openNonblocking lets a FIFO be opened without a writer.
const openNonblocking = syscall.O_NONBLOCK

// changeTime is when the file's contents or attributes were last changed. Unlike
// the time of modification, nobody can set it.
func changeTime(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(changed(stat).Unix())
	}
	return time.Time{}
}
