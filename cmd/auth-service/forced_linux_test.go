package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// startForced starts the service under strace, which makes system calls fail or
// wait as asked. The process is the service's own. trace is a file that strace
// writes a line to for each of these calls.
func startForced(t *testing.T, inject string, environment ...string) (s *service, trace string) {
	t.Helper()
	strace := needtest.Program(t, "strace")
	calls, _, _ := strings.Cut(inject, ":")
	trace = filepath.Join(t.TempDir(), "trace")
	s = newService(t, append(environment, "AUTH_SERVICE_TOKEN="+tokentest.Good)...)
	s.Args = []string{
		"strace", "-D", "-f", "-qq", "-o", trace, "-e", "signal=none",
		"-e", "trace=" + calls, "-e", "inject=" + inject, s.Path,
	}
	s.Path = strace
	// This does not use run, which connects: the test may be about the service's
	// very first connection.
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Process.Kill(); _ = s.Wait() })
	s.await(t, "msg=started")
	return s, trace
}

// TestStopWhileConnectionArrives: a connection that arrives between the signal and
// the end is answered, even if the service learns of both at once.
func TestStopWhileConnectionArrives(t *testing.T) {
	t.Parallel()
	for i := range 6 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			const delay = 1200 * time.Millisecond
			s, _ := startForced(t, fmt.Sprintf("epoll_wait,epoll_pwait:delay_enter=%d", delay.Microseconds()))
			if err := s.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(i) * delay / 6)
			if c, err := net.DialTimeout("tcp", s.address, patience); err == nil { // or it has stopped listening
				defer c.Close()
				answered := &client{Conn: c, reader: bufio.NewReader(c)}
				if got := answered.ask(t, tokentest.Good).status; got != "200" {
					t.Errorf("a connection that arrived while the service stopped got %s", got)
				}
			}
			if err := s.Wait(); err != nil {
				t.Errorf("it ended with %v: %s", err, s.log)
			}
		})
	}
}

// TestAcceptErrors: while the service cannot accept connections, it says why and
// does not spin, and open connections get their verdicts.
func TestAcceptErrors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ENOBUFS", "ENOMEM", "ECONNABORTED", "EPERM", "EPROTO", "EMFILE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, trace := startForced(t, "accept4:error="+name+":when=2+")
			open := s.connect(t)
			if got := open.ask(t, tokentest.Good).status; got != "200" {
				t.Fatalf("status %s", got)
			}
			s.connect(t) // it has to wait
			s.await(t, "cannot accept a connection")
			if log := s.log.String(); !strings.Contains(log, name) {
				t.Errorf("the log does not name the error: %s", log)
			}
			before := lines(t, trace)
			const while = 500 * time.Millisecond
			time.Sleep(while)
			// A few for each pause, for each loop.
			if calls := lines(t, trace) - before; calls > 20*int(while/(10*time.Millisecond)) {
				t.Errorf("%d calls in %v", calls, while)
			}
			if got := open.ask(t, tokentest.Good).status; got != "200" {
				t.Errorf("on the open connection: %s", got)
			}
		})
	}
}

// TestTokenInFileIsSynced: a token that is printed into a file is there only if the disk
// has it. Where a file cannot be synced, there is nothing to wait for.
func TestTokenInFileIsSynced(t *testing.T) {
	t.Parallel()
	strace := needtest.Program(t, "strace")
	for name, c := range map[string]struct {
		status int
		stderr string
	}{
		"EIO":        {exitFailure, "auth-service: cannot write to standard output: input/output error; KEYRING stays as it was\n"},
		"ENOSPC":     {exitFailure, "auth-service: cannot write to standard output: no space left on device; KEYRING stays as it was\n"},
		"EINVAL":     {0, "Added default "},
		"EOPNOTSUPP": {0, "Added default "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			keyring, token := filepath.Join(dir, "keyring"), filepath.Join(dir, "token")
			out, err := os.Create(token)
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			command := newTokenCommand(t, "new", "-k", keyring)
			command.Args = []string{
				"strace", "-f", "-qq", "-o", filepath.Join(dir, "trace"), "-e", "signal=none", "-P", token,
				"-e", "trace=fsync", "-e", "inject=fsync:error=" + name, command.Path, "token", "new", "-k", keyring,
			}
			command.Path, command.Stdout = strace, out
			_ = command.Run()
			stderr := strings.ReplaceAll(command.stderr.String(), keyring, "KEYRING")
			if status := command.ProcessState.ExitCode(); status != c.status || !strings.HasPrefix(stderr, c.stderr) {
				t.Errorf("status %d: %s", status, stderr)
			}
			if inForce := len(readKeyring(t, keyring)) == 1; inForce != (c.status == 0) {
				t.Errorf("the token's line is there: %t", inForce)
			}
			if n := lines(t, filepath.Join(dir, "trace")); n != 1 {
				t.Errorf("%d calls of fsync for the file", n)
			}
		})
	}
}

func lines(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte{'\n'})
}

// TestPause: if the process is paused, as in a frozen virtual machine, no
// connection is closed whose client sent its request in time.
func TestPause(t *testing.T) {
	t.Parallel()
	s := startService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good, "HEAD_TIMEOUT=500ms", "IDLE_TIMEOUT=1s")
	request := authRequest(tokentest.Good)
	for round := range 5 {
		var idle, begun []*client
		for range 150 {
			c := s.connect(t)
			if got := c.ask(t, tokentest.Good).status; got != "200" {
				t.Fatalf("status %s", got)
			}
			idle = append(idle, c)
		}
		for range 150 {
			c := s.connect(t)
			if _, err := c.Write([]byte(request[:40])); err != nil {
				t.Fatal(err)
			}
			begun = append(begun, c)
		}
		paused := time.Now()
		if err := s.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		for _, c := range idle {
			c.send(t, tokentest.Good)
		}
		for _, c := range begun {
			if _, err := c.Write([]byte(request[40:])); err != nil {
				t.Fatal(err)
			}
		}
		inTime := time.Since(paused) < 200*time.Millisecond
		time.Sleep(1200 * time.Millisecond)
		if err := s.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		lost := 0
		for _, c := range append(idle, begun...) {
			if got := c.answer(t).status; got != "200" {
				lost++
			}
			c.reset(t)
		}
		if !inTime {
			t.Logf("round %d: the machine was too slow to send in time", round)
			continue
		}
		if lost > 0 {
			t.Errorf("%d of 300 requests are lost", lost)
		}
		return
	}
	t.Error("the machine is too slow to tell")
}
