package keyringfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/concrete-security/auth-service/internal/regularfile"
	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/tokens"
)

// newFileMode is the mode of a keyring that did not exist before.
const newFileMode = 0o600

// A replacement is a file that takes the place of another, or of none. Its folder is
// locked.
type replacement struct {
	path   string
	old    regularfile.State // of the file at path, or of there being none
	before []byte            // its contents

	info      fs.FileInfo // of the new file
	exchanged bool        // the old file is where the new one was written
}

// beside is where the new file is written. The name is always the same, so that what a
// process has left there that was killed does not stay.
func (r *replacement) beside() string {
	return filepath.Join(filepath.Dir(r.path), "."+filepath.Base(r.path)+".new")
}

// write writes the new file beside the old one, as far as the disk, with the same owner
// and mode.
func (r *replacement) write(contents []byte) (err error) {
	if err := os.Remove(r.beside()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(r.beside(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, newFileMode)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			r.discard()
		}
	}()
	if err := r.keepAttributes(f); err != nil {
		return err
	}
	if _, err := f.Write(contents); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	r.info, err = f.Stat()
	return err
}

// keepAttributes gives the new file the owner, mode and access list of the old one.
func (r *replacement) keepAttributes(f *os.File) error {
	if !r.old.Exists() {
		return f.Chmod(newFileMode) // whatever the umask is
	}
	if err := keepOwner(f, r.old.Info()); err != nil {
		return err
	}
	const kept = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	if err := f.Chmod(r.old.Info().Mode() & kept); err != nil {
		return err
	}
	return keepExtended(f, r.path)
}

// publish puts the new file in the place of the old one. It returns errBusy if another
// program has changed or replaced that one, or has it open for writing.
func (r *replacement) publish() error {
	if !r.old.Exists() {
		return r.publishNew()
	}
	// An editor that reads the new file and saves it would lose what the old one has and
	// the new one has not. So nothing is exchanged of which that is known.
	if isOpenForWriting(r.path) || !regularfile.StateOf(r.path).Equal(r.old) {
		return errBusy
	}
	switch err := exchange(r.beside(), r.path); {
	case errors.Is(err, errors.ErrUnsupported):
		return os.Rename(r.beside(), r.path)
	case err != nil:
		return err
	}
	r.exchanged = true
	if r.oldIsUntouched() {
		return nil
	}
	if err := r.exchangeBack(); err != nil && !errors.Is(err, errReplaced) {
		return err
	}
	return errBusy
}

// publishNew puts the new file where there is none.
func (r *replacement) publishNew() error {
	err := os.Link(r.beside(), r.path)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return errBusy
	}
	// Some file systems have no links.
	if _, err := os.Lstat(r.path); !errors.Is(err, fs.ErrNotExist) {
		return errBusy
	}
	return os.Rename(r.beside(), r.path)
}

// oldIsUntouched reports whether the file that was replaced is the one that was read,
// and will stay so: nobody has it open for writing, and nobody finds it any more.
func (r *replacement) oldIsUntouched() bool {
	if isOpenForWriting(r.beside()) {
		return false
	}
	contents, state, err := regularfile.Read(r.beside(), tokens.MaxKeyringFile)
	defer secret.Wipe(contents)
	return err == nil && os.SameFile(state.Info(), r.old.Info()) && bytes.Equal(contents, r.before)
}

// exchangeBack lets old and new file change places again. If a third file has taken the
// place of the new one meanwhile, it stays there.
func (r *replacement) exchangeBack() error {
	if err := exchange(r.beside(), r.path); err != nil {
		return err
	}
	r.exchanged = false
	if r.isNew(r.beside()) {
		return nil
	}
	return errors.Join(errReplaced, exchange(r.beside(), r.path))
}

// errReplaced means that another program has replaced the new file before it was
// confirmed.
var errReplaced = errors.New("another program has replaced the file meanwhile")

func (r *replacement) isNew(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && os.SameFile(info, r.info)
}

// undo puts back what there was before publish.
func (r *replacement) undo() error {
	switch {
	case r.exchanged:
		return r.exchangeBack()
	case !r.isNew(r.path):
		return errReplaced
	case !r.old.Exists():
		return os.Remove(r.path)
	}
	if err := r.write(r.before); err != nil {
		return err
	}
	return os.Rename(r.beside(), r.path)
}

// discard removes what is beside the file: the new one if it was not published, the
// old one if it was.
func (r *replacement) discard() { _ = os.Remove(r.beside()) }

// finish makes the replacement last.
func (r *replacement) finish() error {
	r.discard()
	return syncFolder(filepath.Dir(r.path))
}

// explain says what to do about an error of write or publish.
func (r *replacement) explain(err error) error {
	err = withPath(r.path, err)
	if of, ok := errors.AsType[*os.LinkError](err); ok {
		err = withPath(r.path, of.Err)
	}
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w, as a mounted Secret is; make the change where the file comes from (for a new token, --keyring= prints token and line). If only the file is mounted to be written, mount its folder instead", err)
	case errors.Is(err, fs.ErrPermission) && !errors.Is(err, errOwner):
		return fmt.Errorf("%w to write into the folder %s, where the new file is made before it replaces the old one", err, filepath.Dir(r.path))
	case errors.Is(err, syscall.EBUSY):
		return fmt.Errorf("%w: the file is mounted on its own, so it cannot be replaced; mount its folder instead", err)
	}
	return err
}

// errOwner means that the new file cannot have the owner of the old one.
var errOwner = errors.New("the file cannot keep its owner or access list; run this as its owner, or as root")
