//go:build !linux && !freebsd && !darwin

package regularfile

import (
	"io/fs"
	"time"
)

// openNonblocking is 0: here a path cannot lead to a FIFO.
const openNonblocking = 0

// changeTime is always zero: here the system does not tell it.
func changeTime(fs.FileInfo) time.Time { return time.Time{} }
