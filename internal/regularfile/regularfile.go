// Package regularfile reads regular files whole, and tells one version of a file from
// the next. It leaves no copy of what it reads.
package regularfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/setting"
)

// A State tells one version of a file from the next. Tools can restore the size
// and the modification time (cp -p, rsync --inplace, tar), but not the change
// time, and a file that is renamed into place has its own inode.
type State struct {
	failure           string // why there is no such file, or empty
	modified, changed time.Time
	size              int64
	info              fs.FileInfo // for os.SameFile
}

// StateOf returns the state of the file at path, or of there being none.
func StateOf(path string) State {
	info, err := os.Stat(path)
	if err != nil {
		return failedState(err)
	}
	return stateFrom(info)
}

func stateFrom(info fs.FileInfo) State {
	return State{modified: info.ModTime(), changed: changeTime(info), size: info.Size(), info: info}
}

func failedState(err error) State { return State{failure: err.Error()} }

// Exists reports whether there was a file.
func (s State) Exists() bool { return s.info != nil }

// Changed returns when the file was last changed, as far as its times tell.
func (s State) Changed() time.Time {
	if s.changed.After(s.modified) {
		return s.changed
	}
	return s.modified
}

// Info returns what the system says of the file, or nil if there was none.
func (s State) Info() fs.FileInfo { return s.info }

// Equal reports whether both are states of one version of one file, or of none.
func (s State) Equal(other State) bool {
	if s.info == nil || other.info == nil {
		return s.info == nil && other.info == nil && s.failure == other.failure
	}
	return s.modified.Equal(other.modified) && s.changed.Equal(other.changed) && s.size == other.size &&
		os.SameFile(s.info, other.info)
}

// Replaced reports whether the file was put in the place of an earlier one, rather than
// written there. Writing sets both times, and a rename only the change time. A file
// system may give the new file the inode of one that is gone.
func (s State) Replaced(earlier State) bool {
	return s.Exists() && earlier.Exists() && (!os.SameFile(s.info, earlier.info) || s.changed.After(s.modified))
}

// ErrChanging refuses a file that is being written.
var ErrChanging = errors.New("it changes while it is read")

const (
	readAttempts = 3
	attemptPause = 20 * time.Millisecond
)

// Read reads a regular file of at most limit bytes into a buffer of its
// own, and leaves no other copy. It returns the state of the file that it read
// or refused. An error that lasts until somebody changes something is a
// setting.Error.
func Read(path string, limit int) (b []byte, state State, err error) {
	for attempt := range readAttempts {
		if attempt > 0 {
			time.Sleep(attemptPause)
		}
		b, state, err = readOnce(path, limit)
		if !errors.Is(err, ErrChanging) {
			break
		}
	}
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENAMETOOLONG) {
		err = setting.Error{Err: err}
	}
	return b, state, err
}

func readOnce(path string, limit int) ([]byte, State, error) {
	refuse := func(state State, err error) ([]byte, State, error) {
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
	if after, err := f.Stat(); err != nil || !stateFrom(after).Equal(state) || int64(len(b)) != state.size {
		secret.Wipe(b)
		return refuse(state, errors.Join(err, ErrChanging))
	}
	return b, state, nil
}

// acceptable returns an error if a file must not be read at all.
func acceptable(info fs.FileInfo, limit int) error {
	if kind := kindOf(info.Mode()); kind != "" {
		return setting.Invalid("it is %s, not a regular file", kind)
	}
	if info.Size() > int64(limit) {
		return setting.Invalid("it has %d bytes; at most %d are read", info.Size(), limit)
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
