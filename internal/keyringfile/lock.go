package keyringfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// errLocked is what tryLock returns while another process has the lock.
var errLocked = errors.New("another auth-service is editing a keyring in the same folder; try again when it has finished")

// lock waits until no other process edits a keyring in the folder of path.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := openLock(path)
	if err != nil {
		return nil, err
	}
	for started := time.Now(); ; {
		err := tryLock(f)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if errors.Is(err, errLocked) && time.Since(started) < patience {
			err = wait(ctx)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
}

// openLockFile opens a file that is there for locking alone.
func openLockFile(path string) (*os.File, error) {
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock")
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, newFileMode)
}
