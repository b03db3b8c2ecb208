package keyringfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// exchange lets two files change places. No one finds none or the same at both.
func exchange(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // the file system cannot, or the kernel
		return errors.ErrUnsupported
	}
	return err
}

// isOpenForWriting reports whether a process has the file open for writing. It cannot
// tell for a file of somebody else's, unless it is root's.
//
// A read lease is granted only for a file that nobody has open for writing (fcntl(2)).
func isOpenForWriting(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer f.Close() // and gives the lease back
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	return errors.Is(err, unix.EAGAIN)
}
