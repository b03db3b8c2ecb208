package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// peak is the most memory that the process has had, in bytes.
func (s *service) peak(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if match == nil {
		t.Fatalf("no peak in %s", status)
	}
	kilobytes, err := strconv.Atoi(string(match[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// TestHugeFilesAreNotRead: a file that is too large costs one look and no memory.
func TestHugeFilesAreNotRead(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{cli.KeyringVariable, cli.TokenFileVariable} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			text := tokentest.Keyring(1)
			if variable == cli.TokenFileVariable {
				text = tokentest.Token(1)
			}
			path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "file"), text)
			s := startService(t, variable+"="+path)
			before := s.peak(t)
			huge := tokentest.WriteFile(t, path+".huge", "")
			if err := os.Truncate(huge, 600<<20); err != nil {
				t.Fatal(err)
			}
			tokentest.Rename(t, huge, path)
			s.await(t, "has 629145600 bytes; at most ")
			if grown := s.peak(t) - before; grown > 8<<20 {
				t.Errorf("it took %d bytes", grown)
			}
			if got := s.status(t, tokentest.Token(1)); got != 200 {
				t.Errorf("the last good token: status %d", got)
			}
		})
	}
}
