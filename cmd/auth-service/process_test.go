package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long tests wait for what has to happen.
const patience = 15 * time.Second

// binary is built once for all tests that need a process of its own.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "auth-service-test")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // another user is to run it
		return "", err
	}
	path := filepath.Join(dir, "auth-service")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	if os.Getenv(heldVariable) != "" {
		runHeld()
	}
	status := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(status)
}

// safeBuffer is what a process writes while a test reads it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// service is a running auth-service.
type service struct {
	*exec.Cmd
	address string
	log     *safeBuffer

	ended   chan struct{} // closed once the process has ended, by failure
	failure error
}

// Start starts the process and watches for its end.
func (s *service) Start() error {
	if err := s.Cmd.Start(); err != nil {
		return err
	}
	go func() {
		s.failure = s.Cmd.Wait()
		close(s.ended)
	}()
	return nil
}

// Wait waits for the end of the process; it may be called again.
func (s *service) Wait() error {
	<-s.ended
	return s.failure
}

// startService starts the binary with the given environment alone, and waits
// until it answers.
func startService(t *testing.T, environment ...string) *service {
	t.Helper()
	s := newService(t, environment...)
	s.run(t)
	return s
}

// run starts the service and waits until it answers.
func (s *service) run(t *testing.T) {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Process.Kill(); _ = s.Wait() })
	deadline := time.After(20 * time.Second)
	for {
		c, err := net.Dial("tcp", s.address)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-s.ended:
			t.Fatalf("it ended (%v): %s", s.failure, s.log)
		case <-deadline:
			t.Fatalf("it does not listen: %s", s.log)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// exitStatus waits until the service ends on its own, and returns its status.
func (s *service) exitStatus(t *testing.T) int {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		_ = s.Process.Kill()
		t.Errorf("it goes on: %s", s.log)
	}
	_ = s.Wait()
	return s.ProcessState.ExitCode()
}

func newService(t *testing.T, environment ...string) *service {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	s := &service{Cmd: exec.Command(path), address: "127.0.0.1:" + port, log: new(safeBuffer), ended: make(chan struct{})}
	if !slices.ContainsFunc(environment, func(v string) bool { return strings.HasPrefix(v, "LISTEN=") && strings.TrimSpace(v) != "LISTEN=" }) {
		s.Env = []string{"HOST=127.0.0.1", "PORT=" + port}
	}
	s.Env = append(s.Env, environment...)
	s.Stdout, s.Stderr = s.log, s.log
	return s
}

// ports that were given out to tests.
var ports sync.Map

// freePort returns a TCP port that nobody listens on. It lies below those that
// systems give to connections and to listeners on port 0, so that none of these,
// in a test that runs beside this one, takes it before the program does.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(10000 + rand.IntN(8000))
		if _, taken := ports.LoadOrStore(port, true); taken {
			continue
		}
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// status asks with a token and returns the status of the answer.
func (s *service) status(t *testing.T, token string) int {
	t.Helper()
	return s.ask(t, "/auth", http.Header{"Authorization": {"Bearer " + token}})
}

func (s *service) ask(t *testing.T, path string, header http.Header) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// await waits until a line of the log holds text.
func (s *service) await(t *testing.T, text string) {
	t.Helper()
	for begun := time.Now(); !strings.Contains(s.log.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("no %q in the log: %s", text, s.log)
		}
	}
}
