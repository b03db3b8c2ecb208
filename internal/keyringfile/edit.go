package keyringfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/regularfile"
	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/setting"
	"github.com/concrete-security/auth-service/internal/tokens"
)

const (
	// patience is how long an edit waits for others who edit or write the file.
	patience = 10 * time.Second
	// pause is how long it waits before it looks again.
	pause = 10 * time.Millisecond
)

// errBusy means that another program has changed the file, or is about to.
var errBusy = errors.New("another program keeps changing the file; try again when it has finished")

// Read reads the keyring file at path. An error names the path, and each wrong line.
func Read(path string) (*Text, error) {
	text, _, _, err := read(path)
	return text, err
}

// Edit edits the keyring file at path, which need not exist yet. It calls change with
// the text, puts the changed text in place of the old one, and then calls confirm, which
// shows people what they need to know of the change, such as a token. Confirm may be nil.
//
// If change returns an error, nothing is written. Edit may call change again, with
// another text, if another program has changed the file meanwhile. If confirm returns an
// error, the old text is put back. SIGINT, SIGTERM and SIGHUP interrupt Edit until the
// new text is in place, and not from then on until it returns; a SIGPIPE becomes the
// error of the write. If the process is killed, the file has the old text or the new one,
// whole; only if that happens between the two steps, some 100 µs, is there a new text
// that was not confirmed. Once Edit has returned nil, the new text survives a loss of
// power as well.
//
// Edit wipes the text before it returns. It keeps owner, mode and access list of the
// file; a new file has mode 0600. It follows links. Errors name the path; those that last
// until somebody changes something are a [setting.Error].
func Edit(ctx context.Context, path string, change func(*Text) error, confirm func() error) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	signal.Ignore(syscall.SIGPIPE)
	defer signal.Reset(syscall.SIGPIPE)
	path, err := target(path)
	if err != nil {
		return err
	}
	unlock, err := lock(ctx, path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer unlock()
	for started := time.Now(); ; {
		err := edit(ctx, path, change, confirm)
		if !errors.Is(err, errBusy) || time.Since(started) > patience {
			return err
		}
		if err := wait(ctx); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
}

// errInterrupted is what an edit fails with that a signal has ended in time.
var errInterrupted = errors.New("interrupted; nothing was changed")

func wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return errInterrupted
	case <-time.After(pause):
		return nil
	}
}

// edit makes one attempt.
func edit(ctx context.Context, path string, change func(*Text) error, confirm func() error) error {
	text, before, old, err := read(path)
	switch {
	case errors.Is(err, regularfile.ErrChanging):
		return fmt.Errorf("%s: %w", path, errBusy)
	case errors.Is(err, fs.ErrNotExist):
		text = new(Text)
	case err != nil:
		return err
	}
	defer secret.Wipe(before)
	defer text.Wipe()
	if err := change(text); err != nil {
		return err
	}
	after := text.Bytes()
	defer secret.Wipe(after)
	if len(after) > tokens.MaxKeyringFile {
		return setting.Invalid("%s: the keyring would have %d bytes; at most %d are read", path, len(after), tokens.MaxKeyringFile)
	}
	if confirm == nil {
		confirm = func() error { return nil }
	}
	if old.Exists() && bytes.Equal(before, after) {
		return confirm()
	}
	r := replacement{path: path, old: old, before: before}
	if err := r.write(after); err != nil {
		return r.explain(err)
	}
	defer r.discard()
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", path, errInterrupted)
	}
	if err := r.publish(); err != nil {
		return r.explain(err)
	}
	if err := confirm(); err != nil {
		if failed := r.undo(); failed != nil {
			return errors.Join(err, fmt.Errorf("%s: the change could not be undone: %w", path, failed))
		}
		return err
	}
	if err := r.finish(); err != nil {
		return fmt.Errorf("%s: the change is in force, but may not survive a loss of power: %w", path, err)
	}
	return nil
}

// read reads the file at path.
func read(path string) (*Text, []byte, regularfile.State, error) {
	contents, state, err := regularfile.Read(path, tokens.MaxKeyringFile)
	if err != nil {
		return nil, nil, state, withPath(path, err)
	}
	text, err := Parse(bytes.Clone(contents))
	if wrong, ok := errors.AsType[core.ParseErrors](err); ok {
		err = setting.Error{Err: &BrokenError{path, wrong}}
	}
	if err != nil {
		secret.Wipe(contents)
		return nil, nil, state, err
	}
	return text, contents, state, nil
}

// A BrokenError says which lines of a keyring file are wrong.
type BrokenError struct {
	Path  string
	Wrong core.ParseErrors
}

// Error has one line for each wrong line.
func (e *BrokenError) Error() string {
	lines := make([]string, len(e.Wrong))
	for i, w := range e.Wrong {
		lines[i] = fmt.Sprintf("%s:%d: %s", e.Path, w.Line, w.Reason)
	}
	return strings.Join(lines, "\n")
}

// withPath names the path before an error of the system, and nothing else.
func withPath(path string, err error) error {
	if of, ok := errors.AsType[*fs.PathError](err); ok {
		err = of.Err
	}
	err = fmt.Errorf("%s: %w", path, err)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENAMETOOLONG) {
		return setting.Error{Err: err}
	}
	return err
}
