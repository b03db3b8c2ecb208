//go:build unix

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// fullPipe returns a pipe that holds as much as it can.
func fullPipe(t *testing.T) (from, to *os.File, length int) {
	t.Helper()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = from.Close(); _ = to.Close() })
	if err := to.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := to.Write(make([]byte, 4096))
		length += n
		if err != nil {
			return from, to, length
		}
	}
}

// awaitLines waits until a keyring has as many lines with tokens.
func awaitLines(t *testing.T, keyring string, want int) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(time.Millisecond) {
		if lines := readKeyring(t, keyring); len(lines) == want {
			return
		} else if time.Since(begun) > patience {
			t.Fatalf("%q, want %d", lines, want)
		}
	}
}

// TestInterruptedWhilePrinting: from the time when a token's line is in the keyring until
// the token is printed, signals do not end the command. If it cannot be printed, the line
// is taken back.
func TestInterruptedWhilePrinting(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signals []os.Signal
		goes    bool // the reader
	}{
		"nothing happens":        {},
		"interrupt":              {signals: []os.Signal{syscall.SIGINT}},
		"terminate":              {signals: []os.Signal{syscall.SIGTERM}},
		"hang up":                {signals: []os.Signal{syscall.SIGHUP}},
		"all, twice":             {signals: []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}},
		"the reader goes":        {goes: true},
		"hang up, and it goes":   {signals: []os.Signal{syscall.SIGHUP}, goes: true},
		"interrupt, and it goes": {signals: []os.Signal{syscall.SIGINT}, goes: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keyring := filepath.Join(t.TempDir(), "keyring")
			if err := newTokenCommand(t, "new", "-k", keyring).Run(); err != nil {
				t.Fatal(err)
			}
			from, to, before := fullPipe(t)
			command := newTokenCommand(t, "new", "-k", keyring, "--principal", "late")
			command.Stdout = to
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			_ = to.Close()
			awaitLines(t, keyring, 2)
			for _, s := range c.signals {
				if err := command.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
				time.Sleep(20 * time.Millisecond)
			}
			if c.goes {
				_ = from.Close()
				err := command.Wait()
				const text = "cannot write to standard output: broken pipe"
				if command.ProcessState.ExitCode() != exitFailure || !strings.Contains(command.stderr.String(), text) {
					t.Errorf("%v: %s", err, command.stderr.String())
				}
				awaitLines(t, keyring, 1)
				return
			}
			_ = from.SetReadDeadline(time.Now().Add(patience))
			out := make([]byte, before+100)
			length := 0
			for length < before+53 {
				n, err := from.Read(out[length:])
				if err != nil {
					t.Fatalf("%v after %d bytes: %s", err, length, command.stderr.String())
				}
				length += n
			}
			if err := command.Wait(); err != nil {
				t.Errorf("%v: %s", err, command.stderr.String())
			}
			token := strings.TrimSuffix(string(out[before:length]), "\n")
			if line := readKeyring(t, keyring)[core.CredentialOf([]byte(token))]; !strings.HasPrefix(line, "late ") {
				t.Errorf("the line of %q is %q", token, line)
			}
		})
	}
}

// TestReaderIsGone: a token that nobody reads has no line.
func TestReaderIsGone(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{{"new"}, {"new", "--json"}} {
		from, to, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_ = from.Close()
		defer to.Close()
		keyring := filepath.Join(t.TempDir(), "keyring")
		command := newTokenCommand(t, append(arguments, "-k", keyring)...)
		command.Stdout = to
		err = command.Run()
		want := "auth-service: cannot write to standard output: broken pipe; " + keyring + " stays as it was\n"
		if command.ProcessState.ExitCode() != exitFailure || command.stderr.String() != want {
			t.Errorf("%q: %v: %s", arguments, err, command.stderr.String())
		}
		if names, err := os.ReadDir(filepath.Dir(keyring)); err != nil || len(names) > 0 {
			t.Errorf("%q: %v, %v", arguments, names, err)
		}
	}
}

// TestReaderGoesAndFileIsReplaced: a file that another program has put in place of the
// keyring meanwhile stays, and nobody says that the keyring is as it was.
func TestReaderGoesAndFileIsReplaced(t *testing.T) {
	t.Parallel()
	keyring := filepath.Join(t.TempDir(), "keyring")
	if err := newTokenCommand(t, "new", "-k", keyring).Run(); err != nil {
		t.Fatal(err)
	}
	from, to, _ := fullPipe(t)
	command := newTokenCommand(t, "new", "-k", keyring, "--principal", "late")
	command.Stdout = to
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = to.Close()
	awaitLines(t, keyring, 2)
	const theirs = "# another program's\n"
	tokentest.Rename(t, tokentest.WriteFile(t, keyring+".theirs", theirs), keyring)
	_ = from.Close()
	err := command.Wait()
	text := command.stderr.String()
	if command.ProcessState.ExitCode() != exitFailure || strings.Contains(text, "stays as it was") ||
		!strings.Contains(text, "broken pipe") || !strings.Contains(text, "the change could not be undone") {
		t.Errorf("%v: %s", err, text)
	}
	if contents, err := os.ReadFile(keyring); err != nil || string(contents) != theirs {
		t.Errorf("%q, %v", contents, err)
	}
}

// TestSummaryIsNotRead: who does not read the summary still has the token.
func TestSummaryIsNotRead(t *testing.T) {
	t.Parallel()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = from.Close()
	defer to.Close()
	keyring := filepath.Join(t.TempDir(), "keyring")
	command := newTokenCommand(t, "new", "-k", keyring)
	command.Stderr = to
	if err := command.Run(); err != nil {
		t.Error(err)
	}
	if lines := readKeyring(t, keyring); lines[core.CredentialOf([]byte(command.printed()))] == "" {
		t.Errorf("the line of %q is not among %q", command.stdout.String(), lines)
	}
}

// TestReadOnlyFolder: if the line cannot be written, no token is printed.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	dir := publicFolder(t)
	keyring := filepath.Join(dir, "keyring")
	if err := os.WriteFile(keyring, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(keyring, 0o666); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{keyring, filepath.Join(dir, "none")} {
		command := newTokenCommand(t, "new", "-k", path)
		if os.Getuid() == 0 {
			command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		err := command.Run()
		want := "auth-service: " + path + ": permission denied to write into the folder " + dir
		if command.ProcessState.ExitCode() != exitFailure || !strings.HasPrefix(command.stderr.String(), want) || command.stdout.Len() > 0 {
			t.Errorf("%v: %q, %s", err, command.stdout.String(), command.stderr.String())
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
}

// publicFolder returns a folder that every user may write to.
func publicFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "auth-service-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.Chmod(dir, 0o700)
		_ = os.RemoveAll(dir)
	})
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestEndedAtAnyMoment: whenever the command is ended, no line is lost, and each token
// that was printed is in the keyring. If a signal that can be caught ends it, each line
// in the keyring is that of a token that was printed.
func TestEndedAtAnyMoment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signals []syscall.Signal
		rounds  int
	}{
		"killed":      {[]syscall.Signal{syscall.SIGKILL}, 250},
		"interrupted": {[]syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}, 250},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keyring := filepath.Join(t.TempDir(), "keyring")
			delay := 10 * time.Millisecond // at most, before a signal; it comes to suit the machine
			kept := map[core.Credential]string{}
			var printed, unprinted, ended int
			for round := range c.rounds {
				command := newTokenCommand(t, "new", "-k", keyring)
				if err := command.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(rand.N(delay))
				_ = command.Process.Signal(c.signals[round%len(c.signals)]) // or it has ended
				if command.Wait() != nil {
					ended++
					delay += delay / 16
				} else {
					delay -= delay / 16
				}
				now := readKeyring(t, keyring)
				for credential, line := range kept {
					if now[credential] != line {
						t.Fatalf("round %d: the line %q is now %q", round, line, now[credential])
					}
				}
				token := command.printed()
				_, inForce := now[core.CredentialOf([]byte(token))]
				switch {
				case token != "" && !inForce || len(now) > len(kept)+1 || token == "" && command.stdout.Len() > 0:
					t.Fatalf("round %d: %q is printed, and the keyring has %d lines more", round, command.stdout.String(), len(now)-len(kept))
				case inForce:
					printed++
				case len(now) > len(kept):
					unprinted++
				}
				kept = now
			}
			t.Logf("of %d commands %d were ended; %d tokens were printed, %d lines have none", c.rounds, ended, printed, unprinted)
			if caught := c.signals[0] != syscall.SIGKILL; caught && unprinted > 0 {
				t.Errorf("%d lines of tokens that were not printed", unprinted)
			}
			if ended < c.rounds/10 || printed < c.rounds/10 {
				t.Errorf("of %d commands %d were ended, and %d have printed a token; neither shows much", c.rounds, ended, printed)
			}
			names, err := os.ReadDir(filepath.Dir(keyring))
			if err != nil || len(names) > 2 {
				t.Errorf("%v is left, %v", names, err)
			}
		})
	}
}
