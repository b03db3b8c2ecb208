package tokens

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/setting"
)

// maxKeyringFile is the largest keyring file that is read, in bytes.
const maxKeyringFile = 64 << 20

// fileState tells one version of a file from the next. Tools can restore the size
// and the modification time (cp -p, rsync --inplace, tar), but not the change
// time, and a file that is renamed into place has its own inode.
type fileState struct {
	failure           string // why there is no such file, or empty
	modified, changed time.Time
	size              int64
	info              fs.FileInfo // for os.SameFile
}

func stateOf(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return failedState(err)
	}
	return stateFrom(info)
}

func stateFrom(info fs.FileInfo) fileState {
	return fileState{modified: info.ModTime(), changed: changeTime(info), size: info.Size(), info: info}
}

func failedState(err error) fileState { return fileState{failure: err.Error()} }

func (s fileState) equal(other fileState) bool {
	if s.info == nil || other.info == nil {
		return s.info == nil && other.info == nil && s.failure == other.failure
	}
	return s.modified.Equal(other.modified) && s.changed.Equal(other.changed) && s.size == other.size &&
		os.SameFile(s.info, other.info)
}

// errChanging refuses a file that is being written.
var errChanging = errors.New("changes while it is read")

const (
	readAttempts = 3
	attemptPause = 20 * time.Millisecond
)

// readFile reads a regular file of at most limit bytes into a buffer of its
// own, and leaves no other copy. It returns the state of the file that it read
// or refused. An error that lasts until somebody changes something is a
// setting.Error.
func readFile(path string, limit int) (b []byte, state fileState, err error) {
	for attempt := range readAttempts {
		if attempt > 0 {
			time.Sleep(attemptPause)
		}
		b, state, err = readOnce(path, limit)
		if !errors.Is(err, errChanging) {
			break
		}
	}
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENAMETOOLONG) {
		err = setting.Error{Err: err}
	}
	return b, state, err
}

func readOnce(path string, limit int) ([]byte, fileState, error) {
	refuse := func(state fileState, err error) ([]byte, fileState, error) {
		return nil, state, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	// The kind is checked before the file is opened: opening a device can have
	// effects.
	info, err := os.Stat(path)
	if err != nil {
		return nil, failedState(err), err
	}
	if err := acceptable(info, limit); err != nil {
		return refuse(stateFrom(info), err)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|openNonblocking, 0)
	if err != nil {
		return nil, stateFrom(info), err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil { // it may be another file by now
		return nil, failedState(err), err
	}
	state := stateFrom(info)
	if err := acceptable(info, limit); err != nil {
		return refuse(state, err)
	}
	b, err := secret.ReadAll(f, limit, int(info.Size()))
	if err != nil {
		return refuse(state, err)
	}
	if after, err := f.Stat(); err != nil || !stateFrom(after).equal(state) || int64(len(b)) != state.size {
		secret.Wipe(b)
		return refuse(state, errors.Join(err, errChanging))
	}
	return b, state, nil
}

// acceptable returns an error if a file must not be read at all.
func acceptable(info fs.FileInfo, limit int) error {
	if kind := kindOf(info.Mode()); kind != "" {
		return setting.Invalid("is %s, not a regular file", kind)
	}
	if info.Size() > int64(limit) {
		return setting.Invalid("has %d bytes; at most %d are read", info.Size(), limit)
	}
	return nil
}

// kindOf names the kind of a file that is not regular.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return ""
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}
