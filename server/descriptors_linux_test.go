package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fewDescriptors names the engine that the process is to run, if it is one
// that TestOutOfDescriptors has started.
const fewDescriptors = "AUTH_SERVICE_TEST_FEW_DESCRIPTORS"

// TestServeWithFewDescriptors is no test but the other process of the one
// below: it serves until its standard input ends.
func TestServeWithFewDescriptors(t *testing.T) {
	name := os.Getenv(fewDescriptors)
	if name == "" {
		t.Skip("it is run by TestOutOfDescriptors, in a process of its own")
	}
	for _, en := range engines() {
		if en.name != name {
			continue
		}
		r := en.start(t, newKeyring(t, testToken, ""), Options{Loops: 2})
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 40, Max: 40}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("address", r.address)
		_, _ = io.Copy(io.Discard, os.Stdin)
		r.wait(t)
		fmt.Println("stopped")
	}
}

// TestOutOfDescriptors opens more connections than the server can have. Those
// that it has, it goes on serving, and once there is room, new ones.
func TestOutOfDescriptors(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, en engine) {
		child := exec.Command(os.Args[0], "-test.run=^TestServeWithFewDescriptors$", "-test.v")
		child.Env = append(os.Environ(), fewDescriptors+"="+en.name)
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
		defer child.Process.Kill()
		lines := bufio.NewScanner(stdout)
		address := ""
		for address == "" && lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "address "); ok {
				address = rest
			}
		}

		var kept, others []net.Conn
		for range 100 {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got := statusWithin(c, 200*time.Millisecond); got == "200" {
				kept = append(kept, c)
			} else {
				// Linux refuses at once; elsewhere a connection waits its turn.
				if want := map[string]string{"native": "503", "portable": ""}[en.name]; got != want {
					t.Errorf("a connection too many got %q", got)
				}
				others = append(others, c)
			}
			if len(others) == 5 {
				break
			}
		}
		if len(kept) < 10 || len(others) < 5 {
			t.Fatalf("%d connections were served and %d were not", len(kept), len(others))
		}
		for _, c := range kept {
			if got := statusWithin(c, 20*time.Second); got != "200" {
				t.Errorf("a connection that was open before got %q", got)
			}
			c.Close()
		}
		deadline := time.Now().Add(20 * time.Second)
		for got := ""; got != "200"; time.Sleep(5 * time.Millisecond) {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			got = statusWithin(c, time.Second)
			c.Close()
			if time.Now().After(deadline) {
				t.Fatal("with room again, no connection is served")
			}
		}

		stdin.Close()
		stopped := false
		for lines.Scan() {
			stopped = stopped || lines.Text() == "stopped"
		}
		if err := child.Wait(); err != nil || !stopped {
			t.Errorf("the server ended with %v", err)
		}
	})
}

// statusWithin asks on c and returns the status, or nothing if none comes.
func statusWithin(c net.Conn, patience time.Duration) string {
	_ = c.SetDeadline(time.Now().Add(patience))
	_, err := io.WriteString(c, testAuth)
	response := make([]byte, 4<<10)
	n, readErr := c.Read(response)
	if n == 0 && errors.Join(err, readErr) != nil {
		return ""
	}
	return status(string(response[:n]))
}
