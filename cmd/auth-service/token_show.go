package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/concrete-security/auth-service/internal/keyringfile"
	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/setting"
)

// writeToken writes a token and the text around it at once. Packages fmt and json would
// keep copies of the token in their buffers. append would leave one behind if it had to
// grow the buffer.
func writeToken(to io.Writer, before string, token []byte, after string) (err error) {
	disturbed := secret.Undisturbed(func() {
		out := make([]byte, 0, len(before)+len(token)+len(after))
		defer secret.Wipe(out[:cap(out)])
		out = append(append(append(out, before...), token...), after...)
		_, err = to.Write(out)
	})
	return errors.Join(disturbed, err)
}

// showToken writes like writeToken, as far as the disk if to is a file on one. It fails
// if to was closed when the program started.
func showToken(to io.Writer, before string, token []byte, after string) error {
	file, isFile := to.(*os.File)
	if !isFile {
		return writeToken(to, before, token, after)
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if wasClosed(file, info) {
		return errors.New("it is closed")
	}
	if err := writeToken(to, before, token, after); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	err = file.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // this file system has nothing to sync
	}
	return err
}

// editAndShow edits the keyring and calls show, which writes to standard output. If show
// fails, the keyring stays as it was.
func editAndShow(ctx context.Context, p *process, keyring string, change func(*keyringfile.Text) error, show func() error) error {
	if isSameFile(p.stdout, keyring) {
		return setting.Invalid("standard output is %s itself; leave the redirection out: the line is added without it", keyring)
	}
	var failed error
	err := keyringfile.Edit(ctx, keyring, change, func() error {
		if failed = show(); failed == nil {
			return nil
		}
		if of, ok := errors.AsType[*fs.PathError](failed); ok {
			failed = of.Err // whose path says no more
		}
		failed = fmt.Errorf("cannot write to standard output: %w", failed)
		return failed
	})
	if failed != nil && err == failed { //nolint:errorlint // if another is joined to it, the line may be there
		return fmt.Errorf("%w; %s stays as it was", failed, keyring)
	}
	return err
}

// tell writes a text for a person. The command has done its work, so it does no harm if
// nobody reads that.
func (p *process) tell(text string) {
	signal.Ignore(syscall.SIGPIPE)
	defer signal.Reset(syscall.SIGPIPE)
	fmt.Fprintln(p.stderr, text)
}

// isSameFile reports whether w writes to the file at path.
func isSameFile(w io.Writer, path string) bool {
	file, isFile := w.(*os.File)
	if !isFile {
		return false
	}
	written, err := file.Stat()
	named, err2 := os.Stat(path)
	return err == nil && err2 == nil && written.Mode().IsRegular() && os.SameFile(written, named)
}

func isTerminal(w io.Writer) bool {
	file, isFile := w.(*os.File)
	return isFile && term.IsTerminal(int(file.Fd()))
}
