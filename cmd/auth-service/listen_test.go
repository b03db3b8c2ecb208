package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/tokentest"
)

// onSocket makes a service that listens at path alone.
func onSocket(t *testing.T, path string, environment ...string) *service {
	t.Helper()
	return newService(t, append(environment, "AUTH_SERVICE_TOKEN="+tokentest.Good, "LISTEN=unix://"+path)...)
}

// startOn starts the service and waits until it says so; for one that listens
// where run does not look.
func (s *service) startOn(t *testing.T) *service {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Process.Kill(); _ = s.Wait() })
	s.await(t, "msg=started")
	return s
}

// clientOf returns a client all connections of which go to a unix socket.
func clientOf(path string) *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
}

func get(t *testing.T, client *http.Client, url, token string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(b)
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "auth.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	s := onSocket(t, path+"?mode=0606")
	s.startOn(t)
	s.await(t, "listen=unix://"+path)
	for token, want := range map[string]int{tokentest.Good: 200, "wrong": 401} {
		if got, _ := get(t, clientOf(path), "http://unix/auth", token); got != want {
			t.Errorf("status %d, want %d", got, want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeSocket|0o606 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("beside the socket: %v, %v", entries, err)
	}
}

// TestListenOverrides: a HOST or PORT that has no effect is told in the log.
func TestListenOverrides(t *testing.T) {
	t.Parallel()
	s := onSocket(t, filepath.Join(t.TempDir(), "auth.sock"), "PORT=8081").startOn(t)
	s.await(t, `level=WARNING msg="LISTEN is set, so PORT has no effect; unset one of them"`)
}

// TestSuccession: the first of two processes, on its way out, leaves the
// second's socket alone.
func TestSuccession(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "auth.sock")
	first := onSocket(t, path).startOn(t)
	second := onSocket(t, path, "MIN_AUTH_SERVICE_TOKEN_LEN=1").startOn(t)
	if err := first.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Errorf("the first: %v", err)
	}
	if got, _ := get(t, clientOf(path), "http://unix/auth", tokentest.Good); got != 200 {
		t.Errorf("status %d", got)
	}
	// One that fails to start leaves it alone as well.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	third := onSocket(t, path, "ADMIN_LISTEN=tcp://"+taken.Addr().String())
	third.mustRefuse(t, exitFailure, "ADMIN_LISTEN: ")
	if got, _ := get(t, clientOf(path), "http://unix/auth", tokentest.Good); got != 200 {
		t.Errorf("after a failed start: status %d", got)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside the socket: %v, %v", entries, err)
	}
	second.await(t, "msg=started")
}

// mustRefuse runs the service, which must end with one line that holds want,
// and the given exit status.
func (s *service) mustRefuse(t *testing.T, status int, want string) {
	t.Helper()
	if got := s.exitStatus(t); got != status {
		t.Errorf("exit status %d, want %d", got, status)
	}
	said := s.log.String()
	if !strings.HasPrefix(said, "auth-service: ") || !strings.Contains(said, want) || strings.Count(said, "\n") != 1 {
		t.Errorf("it says %q, want one line with %q", said, want)
	}
}

func TestBadListeners(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := tokentest.WriteFile(t, filepath.Join(dir, "file"), "not a socket")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	free := "tcp://127.0.0.1:" + freePort(t)
	for name, c := range map[string]struct {
		environment []string
		want        string
		status      int
	}{
		"not a place":              {[]string{"LISTEN=8081"}, `LISTEN: 8081: a port needs a scheme; write tcp://:8081`, exitConfiguration},
		"port in use":              {[]string{"LISTEN=tcp://" + taken.Addr().String()}, "LISTEN: ", exitFailure},
		"second port in use":       {[]string{"LISTEN=" + free + ",tcp://" + taken.Addr().String()}, "LISTEN: ", exitFailure},
		"no such directory":        {[]string{"LISTEN=unix://" + dir + "/none/auth.sock"}, "LISTEN: making a socket at " + dir + "/none/auth.sock: ", exitFailure},
		"a file in the way":        {[]string{"LISTEN=unix://" + file}, "LISTEN: " + file + " exists and is not a socket", exitConfiguration},
		"a directory in the way":   {[]string{"LISTEN=unix://" + dir}, "LISTEN: " + dir + " exists and is not a socket", exitConfiguration},
		"path too long":            {[]string{"LISTEN=unix://" + dir + "/" + strings.Repeat("x", 120)}, "LISTEN: ", exitConfiguration},
		"no socket from systemd":   {[]string{"LISTEN=systemd"}, "LISTEN: systemd has passed no socket", exitConfiguration},
		"admin where requests go":  {[]string{"LISTEN=" + free, "ADMIN_LISTEN=" + free}, "ADMIN_LISTEN: ", exitConfiguration},
		"admin at HOST and PORT":   {[]string{"HOST=127.0.0.1", "PORT=8099", "ADMIN_LISTEN=tcp://127.0.0.1:8099"}, "ADMIN_LISTEN: ", exitConfiguration},
		"admin at systemd's":       {[]string{"ADMIN_LISTEN=systemd"}, "ADMIN_LISTEN: ", exitConfiguration},
		"admin nowhere":            {[]string{"ADMIN_LISTEN=nowhere"}, `ADMIN_LISTEN: nowhere: unknown form`, exitConfiguration},
		"admin port in use":        {[]string{"ADMIN_LISTEN=tcp://" + taken.Addr().String()}, "ADMIN_LISTEN: ", exitFailure},
		"admin on the same socket": {[]string{"LISTEN=unix:///tmp/a", "ADMIN_LISTEN=unix:///tmp/b/../a"}, "ADMIN_LISTEN: ", exitConfiguration},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newService(t, append(c.environment, "AUTH_SERVICE_TOKEN="+tokentest.Good)...).mustRefuse(t, c.status, c.want)
		})
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "not a socket" {
		t.Errorf("the file in the way: %q, %v", text, err)
	}
}

func TestSocketDirectoryNotWritable(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		path := "/proc/auth.sock" // where not even root can make one
		onSocket(t, path).mustRefuse(t, exitFailure, "LISTEN: making a socket at "+path)
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	onSocket(t, dir+"/auth.sock").mustRefuse(t, exitFailure, "LISTEN: making a socket at "+dir+"/auth.sock: permission denied")
}

// TestSeveralListeners answers on all of them, IPv6 too where there is any.
func TestSeveralListeners(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "auth.sock")
	places := []string{"tcp://127.0.0.1:" + freePort(t), "unix://" + path}
	if six, err := net.Listen("tcp", "[::1]:0"); err == nil {
		places = append(places, "tcp://"+six.Addr().String())
		_ = six.Close()
	}
	s := newService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good, "LISTEN="+strings.Join(places, ","))
	s.startOn(t)
	for _, place := range places {
		client, url := http.DefaultClient, "http"+strings.TrimPrefix(place, "tcp")+"/auth"
		if strings.HasPrefix(place, "unix") {
			client, url = clientOf(path), "http://unix/auth"
		}
		if got, _ := get(t, client, url, tokentest.Good); got != 200 {
			t.Errorf("%s: status %d", place, got)
		}
	}
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "auth.sock")
	port := freePort(t)
	onSocket(t, path+",tcp://127.0.0.1:"+port).startOn(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	sick := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
	sickListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = sick.Serve(sickListener) }()
	t.Cleanup(func() { _ = sick.Close() })
	_, sickPort, _ := net.SplitHostPort(sickListener.Addr().String())
	for name, c := range map[string]struct {
		environment []string
		status      int
	}{
		"unix":                    {[]string{"LISTEN=unix://" + path}, 0},
		"host and port":           {[]string{"HOST=127.0.0.1", "PORT=" + port}, 0},
		"the wildcard":            {[]string{"HOST=", "PORT=" + port}, 0},
		"systemd's and another":   {[]string{"LISTEN=systemd,unix://" + path}, 0},
		"nobody there":            {[]string{"LISTEN=unix://" + path + ".none"}, exitFailure},
		"nobody listens":          {[]string{"PORT=" + freePort(t)}, exitFailure},
		"another program":         {[]string{"HOST=127.0.0.1", "PORT=" + sickPort}, exitFailure},
		"no answer":               {[]string{"LISTEN=tcp://" + silent.Addr().String()}, exitFailure},
		"systemd's alone":         {[]string{"LISTEN=systemd"}, exitConfiguration},
		"nothing that is a place": {[]string{"LISTEN=nowhere"}, exitConfiguration},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.Args = append(s.Args, "healthcheck")
			s.Env = c.environment
			err := s.Run()
			var exit *exec.ExitError
			if status := 0; err != nil {
				if errors.As(err, &exit) {
					status = exit.ExitCode()
				}
				if status != c.status || strings.Count(s.log.String(), "\n") != 1 {
					t.Errorf("%v: %s", err, s.log)
				}
			} else if c.status != 0 || s.log.String() != "" {
				t.Errorf("no error: %q", s.log)
			}
		})
	}
}
