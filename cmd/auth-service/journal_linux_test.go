package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestJournal: under systemd, each line has the priority that it is to be filtered by, and
// no time of its own.
func TestJournal(t *testing.T) {
	t.Parallel()
	start := func(environment ...string) (s *service, written func() string) {
		journal, err := os.Create(filepath.Join(t.TempDir(), "journal"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = journal.Close() })
		var stat unix.Stat_t
		if err := unix.Fstat(int(journal.Fd()), &stat); err != nil {
			t.Fatal(err)
		}
		s = newService(t, append(environment, fmt.Sprintf("JOURNAL_STREAM=%d:%d", stat.Dev, stat.Ino))...)
		s.Stderr = journal
		return s, func() string {
			text, err := os.ReadFile(journal.Name())
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
	s, written := start("AUTH_SERVICE_TOKEN=" + tokentest.Good)
	s.run(t)
	s.status(t, "wrong")
	want := regexp.MustCompile(`^(<6>level=INFO .*\n)+<4>level=WARNING msg="authentication failed" reason=unknown .*\n$`)
	for begun := time.Now(); !want.MatchString(written()); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("the journal has %q", written())
		}
	}
	s, written = start("PORT=none")
	if err := s.Run(); err == nil {
		t.Error("it starts")
	}
	if got := written(); !regexp.MustCompile(`^<3>auth-service: PORT: `).MatchString(got) {
		t.Errorf("the journal has %q", got)
	}
}
