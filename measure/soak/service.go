package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// service is a running auth-service.
type service struct {
	command          *exec.Cmd
	dir, data, admin string // folder, and sockets in it
	log              *bytes.Buffer
	client           *http.Client
}

// start builds and starts the service on sockets and a keyring of its own.
func start(ctx context.Context) (*service, error) {
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return nil, err
	}
	program := filepath.Join(dir, "auth-service")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/concrete-security/auth-service/cmd/auth-service")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	s := &service{dir: dir, data: filepath.Join(dir, "s"), admin: filepath.Join(dir, "a"), log: new(bytes.Buffer)}
	s.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: dialer(s.admin)}}
	if err := s.writeKeyring(0); err != nil {
		return nil, err
	}
	s.command = exec.CommandContext(context.WithoutCancel(ctx), program)
	s.command.Env = []string{
		"LISTEN=unix://" + s.data, "ADMIN_LISTEN=unix://" + s.admin, "AUTH_SERVICE_KEYRING=" + s.keyring(),
		"LOG_LEVEL=error", "HEAD_TIMEOUT=1s", "IDLE_TIMEOUT=2s",
	}
	s.command.Stderr = s.log
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(s.data); err == nil {
			return s, nil
		}
		if time.Since(begun) > 10*time.Second {
			s.stop()
			return nil, errors.New("it does not start")
		}
	}
}

func (s *service) keyring() string { return filepath.Join(s.dir, "keyring") }

func (s *service) stop() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	_ = s.command.Wait()
	_ = os.RemoveAll(s.dir)
}

// sample looks at the process.
func (s *service) sample(ctx context.Context) (at sample, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://admin/metrics", nil)
	if err != nil {
		return at, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return at, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return at, err
	}
	for name, to := range map[string]*float64{
		"process_resident_memory_bytes": &at.resident,
		"process_open_fds":              &at.descriptors,
		"go_goroutines":                 &at.goroutines,
	} {
		if *to, err = metric(string(text), name); err != nil {
			return at, err
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	if err != nil {
		return at, err
	}
	at.threads, err = metric(strings.ReplaceAll(string(status), ":\t", " "), "Threads")
	return at, err
}

// metric is the value that follows a name at the start of a line.
func metric(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("there is no %s", name)
}
