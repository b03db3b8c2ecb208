package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/internal/tokentest"
)

// openTerminal returns both ends of a new pseudo-terminal.
func openTerminal(t *testing.T) (controller, terminal *os.File) {
	t.Helper()
	controller, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = controller.Close() })
	number, err := unix.IoctlGetInt(int(controller.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(controller.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return controller, terminal
}

// TestHashOnATerminal: the token is asked for, and not shown while it is typed.
func TestHashOnATerminal(t *testing.T) {
	t.Parallel()
	controller, terminal := openTerminal(t)
	s := newService(t)
	s.Args = append(s.Args, "token", "hash", "--principal", "ci")
	var out safeBuffer
	s.Stdin, s.Stdout = terminal, &out
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); ; time.Sleep(time.Millisecond) {
		state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if state.Lflag&unix.ECHO == 0 {
			break
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatal("the echo is not switched off")
		}
	}
	if _, err := io.WriteString(controller, tokentest.Good+"\n"); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Fatalf("%v: %s", err, s.log)
	}
	if got := s.log.String(); !strings.HasPrefix(got, "Token: ") {
		t.Errorf("standard error has %q", got)
	}
	if got := out.String(); !strings.HasPrefix(got, "ci sha256:") {
		t.Errorf("standard output has %q", got)
	}
	// A mark behind all that was shown, so that the read has something to end on.
	const mark = "the end"
	if _, err := io.WriteString(terminal, mark); err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for piece := make([]byte, 256); !strings.HasSuffix(shown.String(), mark); {
		n, err := controller.Read(piece)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(piece[:n])
	}
	if strings.Contains(shown.String(), tokentest.Good[:8]) {
		t.Errorf("the terminal showed %q", shown.String())
	}
}
