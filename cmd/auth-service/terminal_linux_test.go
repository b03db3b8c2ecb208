package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/core"
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

// shown returns all that a terminal has shown.
func shown(t *testing.T, controller, terminal *os.File) string {
	t.Helper()
	// A mark behind all of that, so that the read has something to end on.
	const mark = "the end"
	if _, err := io.WriteString(terminal, mark); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for piece := make([]byte, 256); !strings.HasSuffix(text.String(), mark); {
		n, err := controller.Read(piece)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(piece[:n])
	}
	return strings.TrimSuffix(text.String(), mark)
}

// TestNewOnATerminal: a person is told that the token is shown only this once. A file
// and a pipe have it for longer.
func TestNewOnATerminal(t *testing.T) {
	t.Parallel()
	controller, terminal := openTerminal(t)
	keyring := filepath.Join(t.TempDir(), "keyring")
	command := newTokenCommand(t, "new", "-k", keyring, "--principal", "ci")
	command.Stdout, command.Stderr = terminal, terminal
	if err := command.Run(); err != nil {
		t.Fatal(err)
	}
	text := shown(t, controller, terminal)
	token := tokenIn(text)
	credential := core.CredentialOf([]byte(token))
	want := token + "\r\nAdded ci " + credential.KeyID().String() + " to " + keyring + ": no scopes, never expires.\r\nThe token is shown only this once.\r\n"
	if text != want {
		t.Errorf("the terminal showed %q, want %q", text, want)
	}
	if lines := readKeyring(t, keyring); lines[credential] == "" {
		t.Errorf("the token's line is not among %q", lines)
	}
	command = newTokenCommand(t, "new", "-k", keyring)
	command.Stderr = terminal
	if err := command.Run(); err != nil {
		t.Fatal(err)
	}
	if text := shown(t, controller, terminal); !strings.HasPrefix(text, "Added default ") || strings.Count(text, "\n") != 1 {
		t.Errorf("the terminal showed %q of a token in a pipe", text)
	}
}

// TestHashOnATerminal: the token is asked for, and not shown while it is typed.
func TestHashOnATerminal(t *testing.T) {
	t.Parallel()
	askedOnATerminal(t, "", "ci sha256:", "token", "hash", "--principal", "ci")
}

// TestAddOnATerminal: so it is for token add, whose summary follows.
func TestAddOnATerminal(t *testing.T) {
	t.Parallel()
	askedOnATerminal(t, "Added ci ", "", "token", "add", "--principal", "ci", "-k", filepath.Join(t.TempDir(), "keyring"))
}

// TestWrongOnATerminal: a terminal drops what is beyond 4095 bytes of a line. Its rest
// must not pass for the token. Ctrl-D means that there is none.
func TestWrongOnATerminal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		typed, stderr string
		status        int
	}{
		"too long":  {strings.Repeat("a", 5000) + "\n", "auth-service: the line is too long for a terminal; use a pipe\n", exitFailure},
		"as long":   {strings.Repeat("a", 4095) + "\n", "auth-service: the line is too long for a terminal; use a pipe\n", exitFailure},
		"no token":  {"\n", "auth-service: standard input holds no token\n", exitConfiguration},
		"no line":   {"\x04", "auth-service: standard input holds no token\n", exitConfiguration},
		"two parts": {"a\x04" + strings.Repeat("b", 4094) + "\n", "auth-service: the line is too long for a terminal; use a pipe\n", exitFailure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			controller, terminal := openTerminal(t)
			keyring := filepath.Join(t.TempDir(), "keyring")
			s := newService(t)
			s.Args = append(s.Args, "token", "add", "-k", keyring)
			s.Stdin = terminal
			typeHidden(t, s, controller, terminal, test.typed)
			if err, ok := errors.AsType[*exec.ExitError](s.Wait()); !ok || err.ExitCode() != test.status {
				t.Errorf("it ended with %v, want exit status %d", err, test.status)
			}
			if got := s.log.String(); got != "Token: \n"+test.stderr {
				t.Errorf("standard error has %q", got)
			}
			if _, err := os.Stat(keyring); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the keyring: %v, want none", err)
			}
		})
	}
}

func askedOnATerminal(t *testing.T, stderr, stdout string, arguments ...string) {
	t.Helper()
	controller, terminal := openTerminal(t)
	s := newService(t)
	s.Args = append(s.Args, arguments...)
	var out safeBuffer
	s.Stdin, s.Stdout = terminal, &out
	typeHidden(t, s, controller, terminal, tokentest.Good+"\n")
	if err := s.Wait(); err != nil {
		t.Fatalf("%v: %s", err, s.log)
	}
	if got := s.log.String(); !strings.HasPrefix(got, "Token: \n"+stderr) {
		t.Errorf("standard error has %q", got)
	}
	if got := out.String(); !strings.HasPrefix(got, stdout) || (got == "") != (stdout == "") {
		t.Errorf("standard output has %q", got)
	}
	if text := shown(t, controller, terminal); strings.Contains(text, tokentest.Good[:8]) {
		t.Errorf("the terminal showed %q", text)
	}
}

// typeHidden starts a command and types a text once the terminal shows no more of it.
func typeHidden(t *testing.T, s *service, controller, terminal *os.File, text string) {
	t.Helper()
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
	if _, err := io.WriteString(controller, text); err != nil {
		t.Fatal(err)
	}
}
