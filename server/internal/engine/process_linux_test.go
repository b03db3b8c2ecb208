package engine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// otherProcess tells a process that a test has started the kind of its engine and
// the number of descriptors that it may have.
const otherProcess = "AUTH_SERVICE_TEST_OTHER_PROCESS"

// TestServeInOtherProcess is not a test. It is the other process of the tests
// below, and serves until its standard input ends.
func TestServeInOtherProcess(t *testing.T) {
	name, files, ok := strings.Cut(os.Getenv(otherProcess), " ")
	if !ok {
		t.Skip("other tests run it, in a process of its own")
	}
	descriptors, err := strconv.ParseUint(files, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range enginetest.Kinds() {
		if k.Name != name {
			continue
		}
		address, stop := start(t, k, Options{Loops: 2, MessageTimeout: 500 * time.Millisecond, IdleTimeout: 2 * time.Second})
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: descriptors, Max: descriptors}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("address", address)
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
		fmt.Println("stopped")
	}
}

// serveInOtherProcess starts a process that serves. stop ends it.
func serveInOtherProcess(t *testing.T, k enginetest.Kind, descriptors int) (address string, process *os.Process, stop func()) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestServeInOtherProcess$", "-test.v")
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", otherProcess, k.Name, descriptors))
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill() })
	lines := bufio.NewScanner(stdout)
	for address == "" && lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "address "); ok {
			address = rest
		}
	}
	return address, child.Process, func() {
		stdin.Close()
		stopped := false
		for lines.Scan() {
			stopped = stopped || lines.Text() == "stopped"
		}
		if err := child.Wait(); err != nil || !stopped {
			t.Errorf("the server ended with %v", err)
		}
	}
}

// TestPausedProcess: if the process is paused, it still answers a request of which
// the first part, or all, was sent in time.
func TestPausedProcess(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, k enginetest.Kind) {
		address, process, stop := serveInOtherProcess(t, k, 1000)
		defer stop()
		for attempt := 0; !pauses(t, address, process); attempt++ {
			if attempt == 10 {
				t.Fatal("the machine is too slow to send in time")
			}
		}
	})
}

// pauses returns false if the machine was too slow to tell.
func pauses(t *testing.T, address string, process *os.Process) bool {
	t.Helper()
	const half = 20
	conns := make([]net.Conn, 60)
	begun := time.Now()
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := statusWithin(c, 20*time.Second); got != "yes" {
			t.Fatalf("status %q", got)
		}
		if i%2 == 1 {
			_, _ = io.WriteString(c, ask[:half])
		}
		conns[i] = c
	}
	if err := process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for i, c := range conns {
		_, _ = io.WriteString(c, ask[i%2*half:])
	}
	inTime := time.Since(begun) < 400*time.Millisecond
	time.Sleep(2500 * time.Millisecond)
	if err := process.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if !inTime {
		return false
	}
	for i, c := range conns {
		response := make([]byte, 4<<10)
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if n, err := c.Read(response); firstWord(string(response[:n])) != "yes" {
			t.Errorf("request %d got %q (%v)", i, response[:n], err)
		}
	}
	return true
}

// TestOutOfDescriptors opens more connections than the server can have. Each new
// one is served, and replaces the one that has been idle longest.
func TestOutOfDescriptors(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, k enginetest.Kind) {
		address, _, stop := serveInOtherProcess(t, k, 40)
		const connections = 100
		var open []net.Conn
		for i := range connections {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got := statusWithin(c, 20*time.Second); got != "yes" {
				t.Fatalf("connection %d got %q", i, got)
			}
			open = append(open, c)
		}
		if got := statusWithin(open[0], 20*time.Second); got != "" {
			t.Errorf("the connection that was idle longest got %q", got)
		}
		for _, c := range open[connections-10:] {
			if got := statusWithin(c, 20*time.Second); got != "yes" {
				t.Errorf("one of the last connections got %q", got)
			}
		}
		stop()
	})
}

// statusWithin asks on c and returns the status, or nothing if none comes.
func statusWithin(c net.Conn, patience time.Duration) string {
	_ = c.SetDeadline(time.Now().Add(patience))
	_, err := io.WriteString(c, ask)
	response := make([]byte, 4<<10)
	n, readErr := c.Read(response)
	if n == 0 && errors.Join(err, readErr) != nil {
		return ""
	}
	return firstWord(string(response[:n]))
}
