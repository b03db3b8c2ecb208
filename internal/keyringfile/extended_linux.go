package keyringfile

import (
	"bytes"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// accessList is the extended attribute that holds the access list (acl(5)).
const accessList = "system.posix_acl_access"

// keepExtended gives the new file the extended attributes of the old one, its access
// list among them.
func keepExtended(f *os.File, old string) error {
	// The folder may have given one to the new file.
	if err := unix.Fremovexattr(int(f.Fd()), accessList); err != nil && !absent(err) {
		return errOwner
	}
	names := make([]byte, 64<<10) // XATTR_LIST_MAX
	n, err := unix.Llistxattr(old, names)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for name := range bytes.SplitSeq(names[:n], []byte{0}) {
		if len(name) == 0 {
			continue
		}
		value := make([]byte, 64<<10) // XATTR_SIZE_MAX
		length, err := unix.Lgetxattr(old, string(name), value)
		if err == nil {
			err = unix.Fsetxattr(int(f.Fd()), string(name), value[:length], 0)
		}
		// Others, such as a label of SELinux, are the system's to give.
		if err != nil && !absent(err) && string(name) == accessList {
			return errOwner
		}
	}
	return nil
}

// absent reports whether there is no such attribute, or none at all here.
func absent(err error) bool {
	return errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP)
}
