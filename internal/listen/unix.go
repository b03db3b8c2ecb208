package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/concrete-security/auth-service/internal/setting"
)

// unixListener is a socket in a directory of its own beside its path, until it
// is published.
type unixListener struct {
	*net.UnixListener
	path string
	made string // empty once published
}

// listenUnix opens a unix socket that is to be published at path.
func listenUnix(path string, mode fs.FileMode) (_ []net.Listener, err error) {
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Type() != fs.ModeSocket {
		return nil, setting.Invalid("%s exists and is not a socket", path)
	}
	// Nobody else may connect before the mode is set.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".auth")
	if err != nil {
		return nil, fmt.Errorf("making a socket at %s: %w", path, cause(err))
	}
	made := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a socket at %s: %w", path, cause(err)), os.Remove(dir))
	}
	l.SetUnlinkOnClose(false) // the path may be another process's by then
	u := &unixListener{UnixListener: l, path: path, made: made}
	return []net.Listener{u}, os.Chmod(made, mode)
}

// publish puts the socket in the place of its path by renaming: at no time is
// there none, and a process that still serves the old one goes on undisturbed.
func (l *unixListener) publish() error {
	if err := os.Rename(l.made, l.path); err != nil {
		return err
	}
	dir := filepath.Dir(l.made)
	l.made = ""
	return os.Remove(dir)
}

// Close closes the socket. It leaves the path alone, which may be another
// process's by now.
func (l *unixListener) Close() error {
	if l.made != "" {
		_ = os.RemoveAll(filepath.Dir(l.made))
	}
	return l.UnixListener.Close()
}

// Addr returns where the socket is found.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// cause returns the error within err, which does not name the path again.
func cause(err error) error {
	if within := errors.Unwrap(err); within != nil {
		return within
	}
	return err
}
