//go:build unix

package keyringfile

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openLock opens the folder of path. The lock of the keyring itself would go with it
// when it is replaced. Where a folder cannot be locked, as over NFS, it opens a file.
func openLock(path string) (*os.File, error) {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if err := tryLock(folder); err == nil || errors.Is(err, errLocked) {
		return folder, nil
	}
	_ = folder.Close()
	return openLockFile(path)
}

// tryLock locks f for this process (flock(2)), until f is closed.
func tryLock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EWOULDBLOCK):
			return errLocked
		case !errors.Is(err, unix.EINTR):
			return err
		}
	}
}
