//go:build !linux

package keyringfile

import "os"

// keepExtended does nothing: owner and mode are all that is kept here.
func keepExtended(*os.File, string) error { return nil }
