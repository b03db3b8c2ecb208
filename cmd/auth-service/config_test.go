package main

import (
	"cmp"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestBadConfiguration: one line names what is wrong, and nothing is started. The
// exit status is 2 if the configuration is wrong, and 1 if the error may pass.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	_, takenPort, _ := net.SplitHostPort(taken.Addr().String())
	broken := tokentest.WriteFile(t, filepath.Join(dir, "broken"), "# a comment\nci sha256:"+tokentest.Good+"\n")
	tokenFile := tokentest.WriteFile(t, filepath.Join(dir, "token"), tokentest.Good)
	cut := tokentest.WriteFile(t, filepath.Join(dir, "cut"), strings.TrimSuffix(tokentest.Keyring(1), "\n"))
	huge := tokentest.WriteFile(t, filepath.Join(dir, "huge"), "")
	if err := os.Truncate(huge, 600<<20); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		environment []string
		arguments   []string
		want        string
		status      int // exitConfiguration
	}{
		"port a word":          {environment: []string{"PORT=http"}, want: "PORT:"},
		"port too large":       {environment: []string{"PORT=65536"}, want: "PORT:"},
		"port negative":        {environment: []string{"PORT=-1"}, want: "PORT:"},
		"port in use":          {environment: []string{"PORT=" + takenPort}, want: "PORT", status: exitFailure},
		"host unknown":         {environment: []string{"HOST=256.1.1.1"}, want: `HOST: "256.1.1.1" is not an IPv4 address`},
		"host not known":       {environment: []string{"HOST=host.invalid"}, want: "does not resolve", status: exitFailure},
		"host not there":       {environment: []string{"HOST=203.0.113.5"}, want: "HOST, PORT: cannot listen on 203.0.113.5:", status: exitFailure},
		"admin not there":      {environment: []string{"ADMIN_LISTEN=tcp://203.0.113.5:9081"}, want: "ADMIN_LISTEN", status: exitFailure},
		"admin unknown":        {environment: []string{"ADMIN_LISTEN=tcp://host.invalid:9081"}, want: "ADMIN_LISTEN", status: exitFailure},
		"minimum a word":       {environment: []string{"MIN_AUTH_SERVICE_TOKEN_LEN=many"}, want: "MIN_AUTH_SERVICE_TOKEN_LEN:"},
		"minimum negative":     {environment: []string{"MIN_AUTH_SERVICE_TOKEN_LEN=-1"}, want: "MIN_AUTH_SERVICE_TOKEN_LEN:"},
		"log level":            {environment: []string{"LOG_LEVEL=LOUD"}, want: "LOG_LEVEL:"},
		"log format":           {environment: []string{"LOG_FORMAT=xml"}, want: "LOG_FORMAT:"},
		"head timeout":         {environment: []string{"HEAD_TIMEOUT=soon"}, want: "HEAD_TIMEOUT:"},
		"idle timeout":         {environment: []string{"IDLE_TIMEOUT=-3s"}, want: "IDLE_TIMEOUT:"},
		"drain timeout":        {environment: []string{"DRAIN_TIMEOUT=1000h"}, want: "DRAIN_TIMEOUT:"},
		"accept unknown":       {environment: []string{"ACCEPT=digest"}, want: "ACCEPT:"},
		"accept of a comma":    {environment: []string{"ACCEPT=bearer,"}, want: "ACCEPT: an element is empty"},
		"accept of a dot":      {environment: []string{"ACCEPT=header:x.y"}, want: "ACCEPT: header: is not followed by a field's name of 1 to 64 of A-Z a-z 0-9 - _"},
		"realm with a quote":   {environment: []string{`REALM=a"b`}, want: "REALM:"},
		"identity unknown":     {environment: []string{"IDENTITY=user,scope"}, want: `IDENTITY: "scope" is unknown; write a comma list of user, scopes and key`},
		"identity twice":       {environment: []string{"IDENTITY=key,user,key"}, want: `IDENTITY: "key" occurs twice`},
		"identity of a comma":  {environment: []string{"IDENTITY=,"}, want: "IDENTITY: an element is empty"},
		"identity a token":     {environment: []string{"IDENTITY=" + tokentest.Good}, want: "IDENTITY: an element is unknown"},
		"max connections":      {environment: []string{"MAX_CONNECTIONS=0"}, want: "MAX_CONNECTIONS:"},
		"headers too small":    {environment: []string{"MAX_HEADER_BYTES=8191"}, want: `MAX_HEADER_BYTES: "8191" is not a whole number from 8192 to 61440`},
		"headers too large":    {arguments: []string{"--max-header-bytes=61441"}, want: "--max-header-bytes:"},
		"headers with a unit":  {environment: []string{"MAX_HEADER_BYTES=16k"}, want: "MAX_HEADER_BYTES:"},
		"two tokens":           {environment: []string{"AUTH_SERVICE_TOKEN_FILE=" + tokenFile}, want: "AUTH_SERVICE_TOKEN_FILE"},
		"token file directory": {environment: []string{"AUTH_SERVICE_TOKEN=", "AUTH_SERVICE_TOKEN_FILE=" + dir}, want: "AUTH_SERVICE_TOKEN_FILE:"},
		"keyring below a file": {environment: []string{"AUTH_SERVICE_KEYRING=" + tokenFile + "/none"}, want: "AUTH_SERVICE_KEYRING:"},
		"keyring cut short":    {environment: []string{"AUTH_SERVICE_KEYRING=" + cut}, want: cut + ":1: the last line has no line end"},
		"keyring a directory":  {environment: []string{"AUTH_SERVICE_KEYRING=" + dir}, want: "is a directory, not a regular file"},
		"keyring a device":     {environment: []string{"AUTH_SERVICE_KEYRING=" + os.DevNull}, want: "is a device, not a regular file"},
		"keyring huge":         {environment: []string{"AUTH_SERVICE_KEYRING=" + huge}, want: "has 629145600 bytes; at most 67108864 are read"},
		"token file huge":      {environment: []string{"AUTH_SERVICE_TOKEN=", "AUTH_SERVICE_TOKEN_FILE=" + huge}, want: "has 629145600 bytes; at most 65536 are read"},
		"keyring broken":       {environment: []string{"AUTH_SERVICE_KEYRING=" + broken}, want: broken + ":2: "},
		"unknown flag":         {arguments: []string{"--prot", "1"}, want: "--prot"},
		"unknown command":      {arguments: []string{"sevre"}, want: "sevre"},
		"flag value":           {arguments: []string{"serve", "--port", "x"}, want: "--port:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, append([]string{"AUTH_SERVICE_TOKEN=" + tokentest.Good}, c.environment...)...)
			s.Args = append(s.Args, c.arguments...)
			if got, want := s.exitStatus(t), cmp.Or(c.status, exitConfiguration); got != want {
				t.Errorf("exit status %d, want %d", got, want)
			}
			lines := strings.Split(strings.TrimSuffix(s.log.String(), "\n"), "\n")
			last := lines[len(lines)-1]
			if !strings.HasPrefix(last, "auth-service: ") || !strings.Contains(last, c.want) || len(lines) > 1 {
				t.Errorf("it says %q, want one line with %q", lines, c.want)
			}
			if strings.Contains(s.log.String(), tokentest.Good) {
				t.Error("it quotes the token")
			}
		})
	}
}

// TestStartsAndSaysWhatIsWrong: what the contract has the service start with.
func TestStartsAndSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	short := tokentest.WriteFile(t, filepath.Join(dir, "token"), "short\n")
	empty := tokentest.WriteFile(t, filepath.Join(dir, "empty"), "# nobody\n")
	both := tokentest.WriteFile(t, filepath.Join(dir, "both"), tokentest.Keyring(1))
	open := tokentest.WriteFile(t, filepath.Join(dir, "open"), tokentest.Keyring(1))
	if err := os.Chmod(open, 0o666); err != nil {
		t.Fatal(err)
	}
	expired := tokentest.WriteFile(t, filepath.Join(dir, "expired"), strings.Replace(tokentest.Keyring(1), "\n", " expires=2020-01-01\n", 1))
	for name, c := range map[string]struct {
		environment []string
		want        []string
		status      int
	}{
		"no token":         {nil, []string{"level=WARNING", "AUTH_SERVICE_TOKEN is not set", "32"}, 500},
		"empty token":      {[]string{"AUTH_SERVICE_TOKEN=", "MIN_AUTH_SERVICE_TOKEN_LEN=0"}, []string{`AUTH_SERVICE_TOKEN is not set: every request is refused until it holds at least 1 character"`}, 500},
		"unknown variable": {[]string{"AUTH_SERVICE_TOKEN=" + tokentest.Good, "AUTH_SERVICE_KEYRNG=/a/path"}, []string{"level=WARNING", `"AUTH_SERVICE_KEYRNG is not a setting; did you mean AUTH_SERVICE_KEYRING?"`}, 401},
		"spaced values": {[]string{
			"AUTH_SERVICE_TOKEN=" + tokentest.Good, "AUTH_SERVICE_KEYRING= " + both + "\r", "LOG_LEVEL= info\r", "LOG_FORMAT=json\r", "IDLE_TIMEOUT=\t10s ", "LISTEN= \r\n",
		}, []string{`"msg":"tokens loaded","tokens":2`}, 401},
		"open keyring":     {[]string{"AUTH_SERVICE_KEYRING=" + open}, []string{"level=WARNING", "AUTH_SERVICE_KEYRING: " + open + " can be changed by others than its owner (mode 0666); run chmod go-w " + open}, 401},
		"short token":      {[]string{"AUTH_SERVICE_TOKEN=short"}, []string{"level=WARNING", "AUTH_SERVICE_TOKEN is too short", "at least 32"}, 500},
		"short token file": {[]string{"AUTH_SERVICE_TOKEN_FILE=" + short}, []string{"AUTH_SERVICE_TOKEN_FILE is too short", "at least 32"}, 500},
		"low minimum":      {[]string{"AUTH_SERVICE_TOKEN=short", "MIN_AUTH_SERVICE_TOKEN_LEN=5"}, []string{"MIN_AUTH_SERVICE_TOKEN_LEN is below 32"}, 401},
		"line end":         {[]string{"AUTH_SERVICE_TOKEN=" + tokentest.Good + "\n"}, []string{"level=WARNING", "AUTH_SERVICE_TOKEN ends with a line break"}, 500},
		"no keyring yet":   {[]string{"AUTH_SERVICE_KEYRING=" + short + "-none"}, []string{"level=ERROR", short + "-none: no such file", "as soon as it exists"}, 500},
		"no token yet":     {[]string{"AUTH_SERVICE_TOKEN_FILE=" + short + "-none"}, []string{"level=ERROR", short + "-none: no such file"}, 500},
		"no directory yet": {[]string{"AUTH_SERVICE_TOKEN_FILE=" + short + "-none/none"}, []string{"level=ERROR", "no such file"}, 500},
		"one of both":      {[]string{"AUTH_SERVICE_TOKEN=" + tokentest.Good, "AUTH_SERVICE_KEYRING=" + short + "-none"}, []string{"level=ERROR", "no such file"}, 401},
		"empty keyring":    {[]string{"AUTH_SERVICE_KEYRING=" + empty}, []string{"level=ERROR", "AUTH_SERVICE_KEYRING has no entry: every request is refused"}, 500},
		"empty and token":  {[]string{"AUTH_SERVICE_TOKEN=" + tokentest.Good, "AUTH_SERVICE_KEYRING=" + empty}, []string{"level=WARNING", "AUTH_SERVICE_KEYRING has no entry: AUTH_SERVICE_TOKEN is the only token"}, 401},
		"all expired":      {[]string{"AUTH_SERVICE_KEYRING=" + expired}, []string{"level=ERROR", "every token has expired: every request is refused"}, 401},
		"in both":          {[]string{"AUTH_SERVICE_TOKEN=" + tokentest.Token(1), "AUTH_SERVICE_KEYRING=" + both}, []string{"level=WARNING", "AUTH_SERVICE_TOKEN holds a token that is in AUTH_SERVICE_KEYRING too"}, 401},
		"empty variables": {[]string{
			"AUTH_SERVICE_TOKEN=" + tokentest.Good, "LOG_LEVEL=", "MIN_AUTH_SERVICE_TOKEN_LEN=", "AUTH_SERVICE_KEYRING=",
			"AUTH_SERVICE_TOKEN_FILE=", "MAX_CONNECTIONS=", "LOG_FORMAT=", "IDLE_TIMEOUT=",
		}, []string{"msg=started"}, 401},
		"lower case level": {[]string{"AUTH_SERVICE_TOKEN=" + tokentest.Good, "LOG_LEVEL=info"}, []string{"level=INFO"}, 401},
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
			if c.status == 500 || slices.Contains(c.want, "level=ERROR") {
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
	for name, text := range map[string]string{"with newline": tokentest.Good + "\n", "without": tokentest.Good, "with CRLF": tokentest.Good + "\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startService(t, "AUTH_SERVICE_TOKEN_FILE="+tokentest.WriteFile(t, filepath.Join(t.TempDir(), "token"), text))
			if got := s.status(t, tokentest.Good); got != 200 {
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
	s := startService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good,
		"AUTH_SERVICE_KEYRING="+tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.EntryLine(entry)))
	for token, want := range map[string]int{tokentest.Good: 200, named: 200, "wrong": 401} {
		if got := s.status(t, token); got != want {
			t.Errorf("status %d, want %d", got, want)
		}
	}
}

func TestSignalsEndIt(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		s := startService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good)
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
