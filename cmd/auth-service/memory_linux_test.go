package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

const windowSize = 16

// newSecret returns a token that occurs nowhere else.
func newSecret(t *testing.T) string {
	t.Helper()
	b := make([]byte, 45)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// scan counts the windows of the secrets that are in the readable memory of a
// process, and says in which mappings.
func scan(t *testing.T, pid int, secrets ...string) (hits int, where []string) {
	t.Helper()
	windows := map[[windowSize]byte]bool{}
	for _, secret := range secrets {
		for i := range len(secret) - windowSize + 1 {
			windows[[windowSize]byte([]byte(secret[i:i+windowSize]))] = true
		}
	}
	var starts [1 << 16]bool // a cheap question before the dear one
	for w := range windows {
		starts[int(w[0])<<8|int(w[1])] = true
	}
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		needtest.Missing(t, "reading the memory map of the process: %v (run the test as root)", err)
	}
	defer maps.Close()
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		needtest.Missing(t, "reading the memory of the process: %v (run the test as root)", err)
	}
	defer memory.Close()
	scanned := 0
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		line := lines.Text()
		if strings.Contains(line, "[v") { // the kernel's own pages
			continue
		}
		var start, end int64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &start, &end, &mode); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if mode[0] != 'r' {
			continue
		}
		b := make([]byte, end-start)
		n, err := memory.ReadAt(b, start)
		if n == 0 && err != nil {
			continue // reserved, never touched
		}
		scanned += n
		b = b[:n]
		for i := 0; i+windowSize <= len(b); i++ {
			if b[i] != 0 && starts[int(b[i])<<8|int(b[i+1])] && windows[[windowSize]byte(b[i:i+windowSize])] {
				hits++
				if !slices.Contains(where, line) {
					where = append(where, line)
				}
			}
		}
	}
	if scanned < 1<<20 {
		t.Fatalf("only %d bytes were scanned", scanned)
	}
	return hits, where
}

// TestScanFindsWhatIsThere is the control: a process that keeps a token.
func TestScanFindsWhatIsThere(t *testing.T) {
	secret := newSecret(t)
	kept := []byte(strings.Clone(secret))
	if hits, _ := scan(t, os.Getpid(), secret); hits < len(secret)-windowSize {
		t.Errorf("%d windows found", hits)
	}
	for i := range kept {
		kept[i] = 0
	}
}

// TestNoTokenStaysInMemory scans the memory of the service, in every build for
// Linux, after requests of every kind.
func TestNoTokenStaysInMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's shadow memory is not the program's")
	}
	t.Parallel()
	for _, source := range []string{"variable", "file"} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			leavesNoToken(t, target{}, source, 50)
		})
	}
	t.Run("every place", func(t *testing.T) {
		t.Parallel()
		leavesNoTokenAnywhere(t, target{}, 20)
	})
	for _, to := range targets {
		t.Run(to.name, func(t *testing.T) {
			t.Parallel()
			leavesNoToken(t, to, "file", 10) // an emulator keeps the environment for itself
			leavesNoTokenAnywhere(t, to, 5)
		})
	}
}

// leavesNoToken sends each request the given number of times.
func leavesNoToken(t *testing.T, to target, source string, times int) {
	t.Helper()
	single, named := newSecret(t), newSecret(t)
	wrong := fmt.Sprintf("%x", newSecret(t))[:40] // of the digits that addresses have
	secrets := []string{single, named, wrong}
	dir := t.TempDir()
	credential := core.CredentialOf([]byte(named))
	keyring := tokentest.WriteFile(t, filepath.Join(dir, "keyring"), fmt.Sprintf("ci sha256:%x scope=metrics\n", credential[:]))
	environment := "AUTH_SERVICE_TOKEN=" + single
	if source == "file" {
		environment = "AUTH_SERVICE_TOKEN_FILE=" + tokentest.WriteFile(t, filepath.Join(dir, "token"), single+"\n")
	}
	s := to.newService(t, "AUTH_SERVICE_KEYRING="+keyring, environment, "A=1", "LOG_LEVEL=DEBUG")
	s.run(t)
	s.await(t, "level=INFO msg=started")
	pid := s.Process.Pid
	clean := func(after string) {
		t.Helper()
		time.Sleep(50 * time.Millisecond)
		if hits, where := scan(t, pid, secrets...); hits > 0 {
			t.Errorf("after %s: %d windows of a token in %q", after, hits, where)
		}
	}
	clean("start")
	checkEnvironment(t, pid)

	const head = "GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
	// The first ones, for which stacks and buffers may have to grow.
	s.send(t, "GET /auth?scope="+single+" HTTP/1.1\r\nHost: a\r\nX-Auth-Scope: "+wrong+"\r\nAuthorization: Bearer "+named+"\r\n\r\n")
	clean("the first request that is forbidden")
	s.send(t, head+single+"\r\n\r\n")
	clean("the first request that is granted")
	for _, secret := range secrets {
		for range times {
			s.send(t, head+secret+"\r\n\r\n")
		}
	}
	clean("whole requests")
	for _, secret := range secrets {
		for n := range len(secret) {
			s.send(t, head+secret[:n])
		}
	}
	clean("aborted requests")
	for _, secret := range secrets {
		s.send(t, strings.Repeat(head+secret+"\r\n\r\n", 10*times))
	}
	clean("pipelined requests")
	for _, secret := range secrets {
		s.send(t, "POST /auth HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n"+strings.Repeat(secret, 50))
		s.send(t, "GET /"+strings.Repeat(secret, 300))
		s.send(t, head+strings.Repeat(secret, 2)+"\r\n\r\n")
		s.send(t, head+strings.Repeat(secret, 130)+"\r\n\r\n")
		s.send(t, head+strings.Repeat(secret, 150)+"\r\n\r\n")
		s.send(t, head+secret+"\r\nBad Field: "+secret+"\r\n\r\n")
		s.send(t, "GET /auth?scope="+secret+"&scope="+secret+" HTTP/1.1\r\nHost: a\r\nX-Auth-Scope: "+secret+"\r\nAuthorization: Bearer "+named+"\r\n\r\n")
		s.send(t, "GET /auth?token="+secret+" HTTP/1.1\r\nHost: a\r\nX-Original-URI: /x?token="+secret+"\r\n\r\n")
		s.send(t, "GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: Basic "+secret+"\r\nX-Real-IP: "+secret+"\r\nX-Forwarded-For: "+secret+"\r\nCookie: t="+secret+"\r\n\r\n")
		s.send(t, "GET /auth HTTP/1.1\r\nHost: "+secret+"\r\nX-Original-Method: "+secret+"\r\nX-Original-Host: "+secret+"\r\nX-Original-URL: https://u:"+secret+"@a/x?"+secret+"\r\nX-Request-Id: "+secret+"\r\n\r\n")
		s.send(t, "GET /nowhere?"+secret+" HTTP/1.1\r\nHost: a\r\nX-Forwarded-Method: "+secret+"\r\nX-Forwarded-Host: "+secret+"\r\nX-Forwarded-Uri: "+secret+"\r\n\r\n")
	}
	clean("odd requests")

	held := make([]net.Conn, 0, len(secrets))
	for _, secret := range secrets { // a request that is under way is in memory, and nowhere once it is over
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, head+secret)
		held = append(held, c)
	}
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if hits, _ := scan(t, pid, secrets...); hits > 0 {
			break
		}
		if time.Since(begun) > patience {
			t.Fatal("the scan does not find requests that are under way")
		}
	}
	for _, c := range held {
		_, _ = io.WriteString(c, "\r\n\r\n")
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	clean("requests in pieces")

	if err := s.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.await(t, "tokens reloaded")
	if got := s.status(t, named); got != 200 {
		t.Errorf("status %d", got)
	}
	clean("a reload")
	for _, secret := range secrets {
		if strings.Contains(s.log.String(), secret[:windowSize]) {
			t.Error("a token is in the log")
		}
	}
}

// send sends a request, waits a little for an answer, and is gone.
func (s *service) send(t *testing.T, request string) {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	_, _ = io.Copy(io.Discard, c)
}

func TestProcessIsNotDumpable(t *testing.T) {
	s := newService(t, "AUTH_SERVICE_TOKEN="+newSecret(t))
	if os.Getuid() == 0 {
		s.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	s.run(t)
	checkProtected(t, s.Process.Pid, true, true)
}

// checkProtected checks that there can be no core dumps if noCore is set, and that
// the process is not dumpable if that is promised.
func checkProtected(t *testing.T, pid int, noCore, notDumpable bool) {
	t.Helper()
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		needtest.Missing(t, "%v", err)
	}
	for line := range strings.Lines(string(limits)) {
		// The hard limit: the soft one is 0 nearly everywhere.
		if rest, ok := strings.CutPrefix(line, "Max core file size"); ok && noCore && strings.Fields(rest)[1] != "0" {
			t.Errorf("core dumps are on: %s", line)
		}
	}
	// Files of a process that is not dumpable belong to root (proc(5)).
	info, err := os.Stat(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; notDumpable && owner != 0 {
		t.Errorf("its memory belongs to user %d", owner)
	}
}
