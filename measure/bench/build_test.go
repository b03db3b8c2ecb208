package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Where a program is missing, what needs it is named and left out, and the floor is
// in Go. Who asks for it by name gets an error.
func TestMissingPrograms(t *testing.T) {
	program, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	var backends []*backend
	for _, b := range allBackends() {
		if slices.Contains([]string{floorCName, floorGoName, akasName}, b.Name) {
			backends = append(backends, b)
		}
	}
	t.Setenv("GOCACHE", strings.TrimSpace(output(t, program, "env", "GOCACHE")))
	t.Setenv("GOPATH", strings.TrimSpace(output(t, program, "env", "GOPATH")))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	path := t.TempDir()
	if err := os.Symlink(program, filepath.Join(path, "go")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", path)
	anonymous := func(string) bool { return false }
	present, missing, err := build(t.Context(), t.TempDir(), backends, anonymous)
	if err != nil {
		t.Fatal(err)
	}
	if len(present) != 1 || present[0].Name != floorGoName {
		t.Errorf("present: %s", listed(present, func(b *backend) string { return b.Name }))
	}
	if len(missing) != 2 || !strings.Contains(missing[0], "cc") || !strings.Contains(missing[1], "cargo") {
		t.Errorf("missing: %q", missing)
	}
	for _, name := range []string{floorCName, akasName} {
		if _, _, err := build(t.Context(), t.TempDir(), backends, func(candidate string) bool { return candidate == name }); err == nil {
			t.Errorf("%s was asked for: no error", name)
		}
	}
}

// Both floors keep a connection open, close one of HTTP/1.0 and answer on both sockets.
func TestFloors(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "floor-") // short enough for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var backends []*backend
	for _, b := range allBackends() {
		if b.Name == floorGoName || b.Name == floorCName {
			backends = append(backends, b)
		}
	}
	present, _, err := build(t.Context(), dir, backends, func(name string) bool { return name == floorGoName })
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range present {
		if err := b.place(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		if err := b.start(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		defer b.running.stop()
		for network, address := range map[string]string{"tcp": b.tcp, "unix": b.socket} {
			c, err := net.Dial(network, address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for range 3 {
				if err := exchange(c); err != nil {
					t.Errorf("%s, %s: %v", b.Name, network, err)
				}
			}
			if _, err := io.WriteString(c, "GET /auth HTTP/1.0\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 200 ") {
				t.Errorf("%s, %s, HTTP/1.0: %q, %v", b.Name, network, text, err)
			}
		}
	}
}

func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	text, err := exec.Command(program, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLastLines(t *testing.T) {
	if got := lastLines([]byte("a\n b\nc\n\n"), 2); got != "b; c" {
		t.Errorf("got %q", got)
	}
	if got := lastLines(nil, 2); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}
