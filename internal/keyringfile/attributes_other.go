//go:build !unix

package keyringfile

import (
	"io/fs"
	"os"
)

// keepOwner does nothing: here a new file has the owner of its folder's choice.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// syncFolder does nothing: here a folder cannot be opened.
func syncFolder(string) error { return nil }
