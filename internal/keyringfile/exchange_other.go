//go:build !linux

package keyringfile

import "errors"

func exchange(string, string) error { return errors.ErrUnsupported }

// isOpenForWriting is false: here the system does not tell.
func isOpenForWriting(string) bool { return false }
