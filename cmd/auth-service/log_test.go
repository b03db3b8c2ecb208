package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/tokentest"
)

func TestFailureLines(t *testing.T) {
	t.Parallel()
	s := startService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good, "LOG_FORMAT=json")
	const secret = "a-secret-that-is-in-the-wrong-place-0123456789"
	s.await(t, `"started"`) // the lines after that are those of requests
	for _, c := range []struct {
		header http.Header
		want   map[string]any
	}{
		{
			http.Header{"X-Real-Ip": {"198.51.100.7"}, "X-Original-Uri": {"/metrics?token=" + secret}},
			map[string]any{"reason": "missing", "client": "198.51.100.7", "uri": "/metrics"},
		},
		{
			http.Header{"Authorization": {"Basic " + secret}, "X-Forwarded-For": {"198.51.100.8, 10.0.0.1"}},
			map[string]any{"reason": "malformed", "client": "198.51.100.8"},
		},
		{
			http.Header{"Authorization": {"Bearer " + secret}, "X-Original-Uri": {"/a\tb\\" + strings.Repeat("c", 400)}},
			map[string]any{"reason": "unknown", "client": "127.0.0.1", "uri": (`/a\x09b\x5c` + strings.Repeat("c", 400))[:256]},
		},
	} {
		before := len(s.log.String())
		s.ask(t, "/auth", c.header)
		var line map[string]any
		for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			if rest := s.log.String()[before:]; strings.HasSuffix(rest, "\n") {
				if err := json.Unmarshal([]byte(rest), &line); err != nil {
					t.Fatalf("%q: %v", rest, err)
				}
				break
			}
			if time.Since(begun) > 10*time.Second {
				t.Fatal("no line")
			}
		}
		if line["level"] != "WARNING" {
			t.Errorf("level %v", line["level"])
		}
		for key, want := range c.want {
			if line[key] != want {
				t.Errorf("%s is %q, want %q", key, line[key], want)
			}
		}
	}
	if strings.Contains(s.log.String(), secret) {
		t.Error("a secret is in the log")
	}
}

// TestFlood: many failures, few lines, and a count of the rest.
func TestFlood(t *testing.T) {
	t.Parallel()
	s := startService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good)
	for range 2000 {
		if got := s.status(t, "wrong"); got != 401 {
			t.Fatalf("status %d", got)
		}
	}
	s.await(t, "more decisions than are logged one by one")
	s.await(t, "unknown=")
	if lines := strings.Count(s.log.String(), "authentication failed"); lines > 400 {
		t.Errorf("%d lines", lines)
	}
}

func TestSuccessAndHealthAreQuiet(t *testing.T) {
	t.Parallel()
	s := startService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good)
	s.await(t, "started")
	before := s.log.String()
	s.status(t, tokentest.Good)
	s.ask(t, "/health", nil)
	time.Sleep(50 * time.Millisecond)
	if after := s.log.String(); after != before {
		t.Errorf("logged: %q", after[len(before):])
	}
	debug := startService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good, "LOG_LEVEL=debug")
	debug.status(t, tokentest.Good)
	debug.await(t, "authentication succeeded")
}

// TestBlockedLog: nobody reads standard error, and verdicts go on.
func TestBlockedLog(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	s := newService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good, "LOG_LEVEL=debug")
	s.Stderr = write
	s.run(t)
	for range 5000 {
		if got := s.status(t, tokentest.Good); got != 200 {
			t.Fatalf("status %d", got)
		}
	}
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(15 * time.Second):
		t.Error("it does not end")
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
}
