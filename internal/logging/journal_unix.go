//go:build unix

package logging

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// ToJournal reports whether what is written to w goes to systemd's journal: whether
// JOURNAL_STREAM names its device and inode (systemd.exec(5)).
func ToJournal(w io.Writer) bool {
	f, isFile := w.(*os.File)
	named := os.Getenv("JOURNAL_STREAM")
	if !isFile || named == "" {
		return false
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return false
	}
	return named == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
