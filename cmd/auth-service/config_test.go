package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
)

const goodToken = "a-token-of-more-than-32-characters-0123"

// TestBadConfiguration: one line that names what is wrong, exit status 2, and
// nothing started.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	_, takenPort, _ := net.SplitHostPort(taken.Addr().String())
	broken := writeFile(t, filepath.Join(dir, "broken"), "# a comment\nci sha256:"+goodToken+"\n")
	tokenFile := writeFile(t, filepath.Join(dir, "token"), goodToken)
	for name, c := range map[string]struct {
		environment []string
		arguments   []string
		want        string
	}{
		"port a word":          {environment: []string{"PORT=http"}, want: "PORT:"},
		"port too large":       {environment: []string{"PORT=65536"}, want: "PORT:"},
		"port negative":        {environment: []string{"PORT=-1"}, want: "PORT:"},
		"port in use":          {environment: []string{"PORT=" + takenPort}, want: "PORT"},
		"host unknown":         {environment: []string{"HOST=256.1.1.1"}, want: "HOST"},
		"minimum a word":       {environment: []string{"MIN_AUTH_SERVICE_TOKEN_LEN=many"}, want: "MIN_AUTH_SERVICE_TOKEN_LEN:"},
		"minimum negative":     {environment: []string{"MIN_AUTH_SERVICE_TOKEN_LEN=-1"}, want: "MIN_AUTH_SERVICE_TOKEN_LEN:"},
		"log level":            {environment: []string{"LOG_LEVEL=LOUD"}, want: "LOG_LEVEL:"},
		"log format":           {environment: []string{"LOG_FORMAT=xml"}, want: "LOG_FORMAT:"},
		"head timeout":         {environment: []string{"HEAD_TIMEOUT=soon"}, want: "HEAD_TIMEOUT:"},
		"idle timeout":         {environment: []string{"IDLE_TIMEOUT=-3s"}, want: "IDLE_TIMEOUT:"},
		"drain timeout":        {environment: []string{"DRAIN_TIMEOUT=1000h"}, want: "DRAIN_TIMEOUT:"},
		"max connections":      {environment: []string{"MAX_CONNECTIONS=0"}, want: "MAX_CONNECTIONS:"},
		"two tokens":           {environment: []string{"AUTH_SERVICE_TOKEN_FILE=" + tokenFile}, want: "AUTH_SERVICE_TOKEN_FILE"},
		"token file missing":   {environment: []string{"AUTH_SERVICE_TOKEN=", "AUTH_SERVICE_TOKEN_FILE=" + dir + "/none"}, want: "AUTH_SERVICE_TOKEN_FILE:"},
		"token file directory": {environment: []string{"AUTH_SERVICE_TOKEN=", "AUTH_SERVICE_TOKEN_FILE=" + dir}, want: "AUTH_SERVICE_TOKEN_FILE:"},
		"keyring missing":      {environment: []string{"AUTH_SERVICE_KEYRING=" + dir + "/none"}, want: "AUTH_SERVICE_KEYRING:"},
		"keyring broken":       {environment: []string{"AUTH_SERVICE_KEYRING=" + broken}, want: broken + ":2: "},
		"unknown flag":         {arguments: []string{"--prot", "1"}, want: "--prot"},
		"unknown command":      {arguments: []string{"sevre"}, want: "sevre"},
		"flag value":           {arguments: []string{"serve", "--port", "x"}, want: "PORT:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, append([]string{"AUTH_SERVICE_TOKEN=" + goodToken}, c.environment...)...)
			s.Args = append(s.Args, c.arguments...)
			err := s.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != exitConfiguration {
				t.Errorf("it ended with %v", err)
			}
			lines := strings.Split(strings.TrimSuffix(s.log.String(), "\n"), "\n")
			last := lines[len(lines)-1]
			if !strings.HasPrefix(last, "auth-service: ") || !strings.Contains(last, c.want) || len(lines) > 1 {
				t.Errorf("it says %q, want one line with %q", lines, c.want)
			}
			if strings.Contains(s.log.String(), goodToken) {
				t.Error("it quotes the token")
			}
		})
	}
}

// TestStartsAndSaysWhatIsWrong: what the contract has the service start with.
func TestStartsAndSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	short := writeFile(t, filepath.Join(t.TempDir(), "token"), "short\n")
	for name, c := range map[string]struct {
		environment []string
		want        []string
		status      int
	}{
		"no token":         {nil, []string{"level=WARNING", "AUTH_SERVICE_TOKEN is not set", "32"}, 500},
		"empty token":      {[]string{"AUTH_SERVICE_TOKEN=", "MIN_AUTH_SERVICE_TOKEN_LEN=0"}, []string{"AUTH_SERVICE_TOKEN is not set"}, 500},
		"short token":      {[]string{"AUTH_SERVICE_TOKEN=short"}, []string{"level=WARNING", "AUTH_SERVICE_TOKEN is too short", "at least 32"}, 500},
		"short token file": {[]string{"AUTH_SERVICE_TOKEN_FILE=" + short}, []string{"AUTH_SERVICE_TOKEN_FILE is too short", "at least 32"}, 500},
		"low minimum":      {[]string{"AUTH_SERVICE_TOKEN=short", "MIN_AUTH_SERVICE_TOKEN_LEN=5"}, []string{"MIN_AUTH_SERVICE_TOKEN_LEN is below 32"}, 401},
		"never arrives":    {[]string{"AUTH_SERVICE_TOKEN=" + goodToken + "\n"}, []string{"AUTH_SERVICE_TOKEN can never match"}, 401},
		"empty variables": {[]string{
			"AUTH_SERVICE_TOKEN=" + goodToken, "LOG_LEVEL=", "MIN_AUTH_SERVICE_TOKEN_LEN=", "AUTH_SERVICE_KEYRING=",
			"AUTH_SERVICE_TOKEN_FILE=", "MAX_CONNECTIONS=", "LOG_FORMAT=", "IDLE_TIMEOUT=",
		}, []string{"msg=started"}, 401},
		"lower case level": {[]string{"AUTH_SERVICE_TOKEN=" + goodToken, "LOG_LEVEL=info"}, []string{"level=INFO"}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startService(t, c.environment...)
			for _, want := range c.want {
				s.await(t, want)
			}
			if got := s.status(t, "wrong"); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			if c.status == 500 {
				s.await(t, "level=ERROR")
			}
			if got := s.ask(t, "/health", nil); got != 200 {
				t.Errorf("/health: %d", got)
			}
		})
	}
}

func TestTokenFile(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"with newline": goodToken + "\n", "without": goodToken} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startService(t, "AUTH_SERVICE_TOKEN_FILE="+writeFile(t, filepath.Join(t.TempDir(), "token"), text))
			if got := s.status(t, goodToken); got != 200 {
				t.Errorf("status %d", got)
			}
		})
	}
}

func TestBothSources(t *testing.T) {
	t.Parallel()
	const named = "a-named-token-of-more-than-32-characters"
	c := core.CredentialOf([]byte(named))
	entry := core.Entry{Principal: "ci", Credential: c, Expires: core.Never}
	s := startService(t, "AUTH_SERVICE_TOKEN="+goodToken,
		"AUTH_SERVICE_KEYRING="+writeFile(t, filepath.Join(t.TempDir(), "keyring"), entry.String()))
	for token, want := range map[string]int{goodToken: 200, named: 200, "wrong": 401} {
		if got := s.status(t, token); got != want {
			t.Errorf("status %d, want %d", got, want)
		}
	}
}

func TestSignalsEndIt(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		s := startService(t, "AUTH_SERVICE_TOKEN="+goodToken)
		s.await(t, "started")
		if err := s.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- s.Wait() }()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%v: %v", signal, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%v: it does not end", signal)
		}
		if !strings.Contains(s.log.String(), "msg=stopped") {
			t.Errorf("%v: the log is %q", signal, s.log)
		}
	}
}
