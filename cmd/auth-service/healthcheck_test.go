package main

import (
	"errors"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/tokentest"
)

// runHealthcheck runs the command in an environment of its own, and returns its status
// and what it says, which is nothing or one line.
func runHealthcheck(t *testing.T, environment []string, arguments ...string) (status int, said string) {
	t.Helper()
	s := newService(t)
	s.Args = append(append(s.Args, "healthcheck"), arguments...)
	s.Env = environment
	begun := time.Now()
	err := s.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > 6*time.Second { // a start takes its time on a busy machine
		t.Errorf("it takes %s", took)
	}
	said = s.log.String()
	if lines := strings.Count(said, "\n"); (status == 0) != (lines == 0) || lines > 1 {
		t.Errorf("status %d, and it says %q", status, said)
	}
	return status, said
}

// TestHealthcheckReady: the check succeeds if somebody can pass, and says why if nobody can.
func TestHealthcheckReady(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket := func(name string) string { return "LISTEN=unix://" + filepath.Join(dir, name+".sock") }
	admin := func(name string) string { return "ADMIN_LISTEN=unix://" + filepath.Join(dir, name+".admin") }
	file := func(name, text string) string { return tokentest.WriteFile(t, filepath.Join(dir, name), text) }
	expiredLine := strings.Replace(tokentest.Keyring(1), "\n", " expires=2020-01-01\n", 1)
	token, expired := "AUTH_SERVICE_TOKEN="+tokentest.Good, "AUTH_SERVICE_KEYRING="+file("expired", expiredLine)
	large := "AUTH_SERVICE_KEYRING=" + file("large", expiredLine+strings.Repeat("# a comment\n", 1<<17))
	broken := "AUTH_SERVICE_KEYRING=" + file("broken", "nonsense")
	missing := "AUTH_SERVICE_KEYRING=" + filepath.Join(dir, "missing")
	short := "AUTH_SERVICE_TOKEN_FILE=" + file("short", "short")

	good := newService(t, socket("good"), token, admin("good")).startOn(t)
	newService(t, socket("bare")).startOn(t)
	newService(t, socket("expired"), expired, admin("expired")).startOn(t)
	silent, err := net.Listen("unix", filepath.Join(dir, "silent"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	const nobody = "not ready: no token lets anybody pass, or the service is stopping\n"
	for name, c := range map[string]struct {
		environment []string
		status      int
		want        string
	}{
		"a token":                          {[]string{socket("good"), token}, 0, ""},
		"a token, known to the service":    {[]string{socket("good")}, 0, ""},
		"no token":                         {[]string{socket("bare")}, exitFailure, "not ready: the service has no usable token and answers 500\n"},
		"no token, but here":               {[]string{socket("bare"), token}, exitFailure, "not ready: the service has no usable token and answers 500\n"},
		"expired":                          {[]string{socket("expired"), expired}, exitFailure, "not ready: every token has expired\n"},
		"expired, in a large file":         {[]string{socket("expired"), large}, 0, ""},
		"expired, known to the service":    {[]string{socket("expired")}, 0, ""},
		"expired, and a token":             {[]string{socket("good"), expired, token}, 0, ""},
		"a broken keyring":                 {[]string{socket("good"), broken}, 0, ""},
		"a keyring that is not there":      {[]string{socket("good"), missing}, 0, ""},
		"expired, and a broken token file": {[]string{socket("good"), expired, short}, 0, ""},
		"admin":                            {[]string{socket("nobody"), admin("good")}, 0, ""},
		"admin, expired":                   {[]string{socket("nobody"), admin("expired")}, exitFailure, nobody},
		"two admins, one good":             {[]string{admin("expired") + ",unix://" + filepath.Join(dir, "good.admin")}, 0, ""},
		"two admins, one silent":           {[]string{"ADMIN_LISTEN=unix://" + filepath.Join(dir, "silent") + ",unix://" + filepath.Join(dir, "good.admin")}, 0, ""},
		"a silent admin":                   {[]string{"ADMIN_LISTEN=unix://" + filepath.Join(dir, "silent")}, exitFailure, "not ready: " + filepath.Join(dir, "silent") + " has not answered within 2.5s\n"},
		"two admins, none good":            {[]string{admin("expired") + "," + strings.TrimPrefix(admin("nobody"), "ADMIN_LISTEN=")}, exitFailure, "not ready: "},
		"admin with systemd's":             {[]string{"LISTEN=systemd", admin("good")}, 0, ""},
		"nobody there":                     {[]string{socket("nobody")}, exitFailure, "not ready: " + filepath.Join(dir, "nobody.sock") + ": no such file or directory\n"},
		"systemd's alone":                  {[]string{"LISTEN=systemd"}, exitConfiguration, "cannot derive an address from LISTEN=systemd"},
		"a place that is none":             {[]string{"ADMIN_LISTEN=nowhere"}, exitConfiguration, "ADMIN_LISTEN: nowhere: unknown form"},
		"two tokens":                       {[]string{socket("good"), token, short}, exitConfiguration, "AUTH_SERVICE_TOKEN and AUTH_SERVICE_TOKEN_FILE are both set"},
		"a minimum that is none":           {[]string{socket("good"), "MIN_AUTH_SERVICE_TOKEN_LEN=x"}, exitConfiguration, "MIN_AUTH_SERVICE_TOKEN_LEN: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, said := runHealthcheck(t, c.environment, "--ready")
			if status != c.status || !strings.Contains(said, c.want) {
				t.Errorf("status %d, %q, want %d, %q", status, said, c.status, c.want)
			}
			if strings.Contains(said, tokentest.Good) {
				t.Error("it shows the token")
			}
		})
	}
	t.Cleanup(func() { // once all of them have asked
		if log := good.log.String(); strings.Contains(log, "level=WARNING") {
			t.Errorf("what healthcheck asks is logged: %s", log)
		}
	})
}

// TestHealthcheckOfOthers: whatever listens there, the answer comes in time.
func TestHealthcheckOfOthers(t *testing.T) {
	t.Parallel()
	const drip = "drip"
	for name, c := range map[string]struct {
		answer        string
		plain, status int
		want          string
	}{
		"HTTP/1.0":     {"HTTP/1.0 401 Unauthorized\r\n\r\n", exitFailure, 0, ""},
		"no text":      {"HTTP/1.1 200\r\n\r\n", 0, exitFailure, "answers /auth with status 200, which this service does not"},
		"cut short":    {"HTTP/1.1 401", exitFailure, 0, ""},
		"TLS":          {"\x15\x03\x01\x00\x02\x02\x28", exitFailure, exitFailure, "speaks TLS, not HTTP"},
		"another":      {"SSH-2.0-OpenSSH_9.9\r\n", exitFailure, exitFailure, "does not speak HTTP"},
		"HTTP/2":       {"HTTP/2 200 OK\r\n", exitFailure, exitFailure, "does not speak HTTP"},
		"nothing":      {"", exitFailure, exitFailure, "has closed the connection without an answer"},
		"byte by byte": {drip, exitFailure, exitFailure, "has not answered within 2.5s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer func() { _ = conn.Close() }()
						_, _ = conn.Read(make([]byte, 1<<10)) // all of the question, or the answer may be lost
						_, err := io.WriteString(conn, c.answer)
						for c.answer == drip && err == nil {
							time.Sleep(50 * time.Millisecond)
							_, err = io.WriteString(conn, ".")
						}
					}()
				}
			}()
			environment := []string{"LISTEN=tcp://" + l.Addr().String()}
			if status, said := runHealthcheck(t, environment); status != c.plain {
				t.Errorf("status %d, want %d: %s", status, c.plain, said)
			}
			if status, said := runHealthcheck(t, environment, "--ready"); status != c.status || !strings.Contains(said, c.want) {
				t.Errorf("with --ready: status %d, %q, want %d, %q", status, said, c.status, c.want)
			}
			if status, said := runHealthcheck(t, []string{"ADMIN_" + environment[0]}, "--ready"); status != c.plain || status != 0 && !strings.HasPrefix(said, "auth-service: not ready: ") {
				t.Errorf("the admin listener: status %d, %q, want %d", status, said, c.plain)
			}
		})
	}
}
