// Package needtest finds what tests need on the machine that runs them: programs,
// privileges, what the system offers. A test that needs something else is skipped
// without it. Where CI is "true" it fails instead, because a gate that skips tests
// has a hole.
package needtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Program returns the path of the first of names that is installed. If none is, it
// ends the test like [Missing].
func Program(tb testing.TB, names ...string) string {
	tb.Helper()
	for _, name := range names {
		path, err := exec.LookPath(name)
		// Users other than root often do not have these folders in PATH.
		for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
			if err != nil {
				path, err = exec.LookPath(filepath.Join(dir, name))
			}
		}
		if err == nil {
			return path
		}
		if !errors.Is(err, exec.ErrNotFound) && !errors.Is(err, os.ErrNotExist) {
			tb.Fatal(err)
		}
	}
	Missing(tb, "%s: not installed", strings.Join(names, ", "))
	return ""
}

// Missing skips a test for which this machine lacks something, or fails it where CI
// is "true". The arguments, as for [fmt.Sprintf], say what is missing.
func Missing(tb testing.TB, format string, arguments ...any) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatalf(format, arguments...)
	}
	tb.Skipf(format, arguments...)
}
