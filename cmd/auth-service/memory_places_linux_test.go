package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/tokentest"
)

// leavesNoTokenAnywhere scans the memory of a service that accepts tokens in every place,
// for what clients send and for what it decodes from that. It sends each request the
// given number of times.
func leavesNoTokenAnywhere(t *testing.T, to target, times int) {
	t.Helper()
	single, named, wrong := newSecret(t), newSecret(t), newSecret(t)
	basic := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	secrets := []string{single, named, wrong}
	scanned := secrets
	places := map[string]string{} // a name to the field lines
	for i, secret := range secrets {
		as := func(name string) string { return fmt.Sprintf("%s, token %d", name, i) }
		for user, encoded := range map[string]string{
			"without user": basic(":" + secret), "user": basic("u:" + secret), "longer user": basic("us:" + secret), "user name": basic(secret + ":"),
		} {
			places[as("Basic "+user)] = "Authorization: Basic " + encoded
			scanned = append(scanned, encoded)
		}
		// The fault is at the end, so most of it is decoded already.
		places[as("Basic with a fault")] = "Authorization: Basic " + basic(":"+secret) + "==!="
		places[as("Basic without a colon")] = "Authorization: Basic " + basic(secret)
		places[as("both halves")] = "Authorization: Basic " + basic(secret+":"+secret)
		places[as("field")] = "X-API-Key: " + secret
		places[as("two fields")] = "X-API-Key: " + secret + "\r\nx-api-key: " + secret
		places[as("two places")] = "X-API-Key: " + secret + "\r\nAuthorization: Basic " + basic("u:"+secret)
		places[as("field with a scheme")] = "X-API-Key: Bearer " + secret
		places[as("Bearer")] = "Authorization: Bearer " + secret
		scanned = append(scanned, basic(secret), basic(secret+":"+secret))
	}
	dir := t.TempDir()
	s := to.newService(t,
		"AUTH_SERVICE_KEYRING="+tokentest.WriteFile(t, filepath.Join(dir, "keyring"), tokentest.KeyringLine("ci", named, "scope=metrics")),
		"AUTH_SERVICE_TOKEN_FILE="+tokentest.WriteFile(t, filepath.Join(dir, "token"), single+"\n"),
		"ACCEPT=bearer,basic,header:X-API-Key", "REALM=memory", "IDENTITY=user,scopes,key", "LOG_LEVEL=DEBUG")
	s.run(t)
	s.await(t, "level=INFO msg=started")
	clean := func(after string) {
		t.Helper()
		time.Sleep(50 * time.Millisecond)
		if hits, where := scan(t, s.Process.Pid, scanned...); hits > 0 {
			t.Errorf("after %s: %d windows of a token in %q", after, hits, where)
		}
	}
	for _, c := range []struct{ field, status string }{
		{"Basic without user, token 0", "200"},
		{"Basic longer user, token 1", "200"},
		{"Basic user name, token 1", "200"},
		{"Basic user, token 2", "401"},
		{"Basic with a fault, token 1", "401"},
		{"two places, token 0", "401"},
		{"field, token 1", "200"},
	} {
		if got := s.answer(t, places[c.field]); !strings.HasPrefix(got, "HTTP/1.1 "+c.status) {
			t.Fatalf("%s: %q, want %s", c.field, got, c.status)
		}
		clean("the first request, " + c.field)
	}
	const head = "GET /auth HTTP/1.1\r\nHost: a\r\n"
	for _, lines := range places {
		for range times {
			s.send(t, head+lines+"\r\n\r\n")
		}
	}
	clean("whole requests")
	for _, lines := range places {
		for n := range len(lines) {
			if n%25 == 0 {
				s.send(t, head+lines[:n])
			}
		}
		s.send(t, head+lines+"\r\nBad Field: x\r\n\r\n")
	}
	clean("aborted and broken requests")
	for _, lines := range places {
		s.send(t, strings.Repeat(head+lines+"\r\n\r\n", 10*times))
		s.send(t, strings.Replace(head, "/auth", "/auth?scope=deploy", 1)+lines+"\r\n\r\n")
	}
	clean("pipelined and forbidden requests")
	for _, secret := range secrets {
		for _, repeated := range []int{2, 50, 90} {
			s.send(t, head+"Authorization: Basic "+basic(":"+strings.Repeat(secret, repeated))+"\r\n\r\n")
			s.send(t, head+"X-API-Key: "+strings.Repeat(secret, repeated)+"\r\n\r\n")
		}
	}
	clean("long tokens")
	s.heldRequest(t, head+places["Basic without user, token 0"], func() {
		if hits, _ := scan(t, s.Process.Pid, scanned...); hits == 0 {
			t.Error("the scan does not find a request that is under way")
		}
	})
	clean("a request in pieces")
	for _, secret := range scanned {
		if strings.Contains(s.log.String(), secret[:windowSize]) {
			t.Error("a token is in the log")
		}
	}
}

// answer returns the beginning of the answer to a request with further field lines.
func (s *service) answer(t *testing.T, lines string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET /auth HTTP/1.1\r\nHost: a\r\n"+lines+"\r\n\r\n")
	_ = c.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 512)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// heldRequest sends the beginning of a request, calls f when it has arrived, and sends
// the rest.
func (s *service) heldRequest(t *testing.T, begin string, f func()) {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, begin)
	time.Sleep(200 * time.Millisecond)
	f()
	_, _ = io.WriteString(c, "\r\n\r\n")
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
}
