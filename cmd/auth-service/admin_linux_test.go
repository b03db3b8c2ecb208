package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/admin"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestAdminTakesNothingFromVerdicts: a process that may open few files answers
// everybody, however many connections the admin listener gets, and a scraper
// gets through.
func TestAdminTakesNothingFromVerdicts(t *testing.T) {
	t.Parallel()
	const files = 400
	address := "127.0.0.1:" + freePort(t)
	s := newService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good, "ADMIN_LISTEN=tcp://"+address)
	s.Args = []string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0"`, files), s.Path}
	s.Path = "/bin/sh"
	s.run(t)
	idle := make([]net.Conn, files+20)
	for i := range idle {
		c, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		idle[i] = c
	}
	wanted := files - reservedDescriptors - admin.MaxConnections
	open := make([]*client, wanted)
	for i := range open {
		open[i] = s.connect(t)
		if got := open[i].ask(t, tokentest.Good).status; got != "200" {
			t.Fatalf("of %d connections, number %d got %s", wanted, i, got)
		}
	}
	for i, c := range open {
		if got := c.ask(t, tokentest.Good).status; got != "200" {
			t.Errorf("of %d connections, number %d got %s at last", wanted, i, got)
		}
	}
	if values := scrape(t, address); values["auth_service_connections"] != float64(wanted) {
		t.Errorf("%v connections, want %d", values["auth_service_connections"], wanted)
	}
}

// TestAdminKeepsNoToken sends tokens to the admin listener, wherever a request
// can hold one.
func TestAdminKeepsNoToken(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's shadow memory is not the program's")
	}
	t.Parallel()
	s, address := startAdmin(t, "AUTH_SERVICE_TOKEN="+tokentest.Good, "LOG_LEVEL=DEBUG")
	s.await(t, "level=INFO msg=started")
	secret := newSecret(t)
	encoded := base64.StdEncoding.EncodeToString([]byte(":" + secret))
	end := " HTTP/1.1\r\nHost: a\r\n"
	for name, request := range map[string]string{
		"Authorization": "GET /metrics" + end + "Authorization: Bearer " + secret + "\r\n\r\n",
		"Cookie":        "GET /ready" + end + "Cookie: token=" + secret + "\r\n\r\n",
		"Basic":         "GET /metrics" + end + "Authorization: Basic " + encoded + "\r\n\r\n",
		"X-API-Key":     "GET /health" + end + "X-API-Key: " + secret + "\r\n\r\n",
		"Accept":        "GET /metrics" + end + "Accept: text/plain;token=" + secret + ";q=0." + secret + "\r\nAccept-Encoding: gzip;" + secret + ", " + secret + "\r\n\r\n",
		"status page":   "GET /" + end + "Authorization: Bearer " + secret + "\r\nReferer: " + secret + "\r\n\r\n",
		"its query":     "GET /?token=" + secret + end + "\r\n",
		"Host":          "GET /metrics HTTP/1.1\r\nHost: " + secret + "\r\n\r\n",
		"field name":    "GET /metrics" + end + secret + ": x\r\n\r\n",
		"method":        secret + " /metrics" + end + "\r\n",
		"query":         "GET /metrics?token=" + secret + end + "\r\n",
		"path":          "GET /" + secret + end + "\r\n",
		"absolute-form": "GET http://" + secret + "@a/" + secret + end + "\r\n",
		"version":       "GET /metrics " + secret + "\r\n\r\n",
		"body":          "POST /metrics" + end + "Content-Length: 3000\r\n\r\n" + strings.Repeat(secret, 50),
		"chunked body":  "GET /metrics" + end + "Transfer-Encoding: chunked\r\n\r\n30\r\n" + secret + "\r\n0\r\nX: " + secret + "\r\n\r\n",
		"malformed":     "GET /metrics" + end + "Authorization : " + secret + "\r\n\r\n",
		"no end":        "GET /metrics" + end + "Authorization: Bearer " + secret,
		"too long":      "GET /metrics" + end + "Authorization: Bearer " + strings.Repeat(secret, 400),
		"pipelined":     strings.Repeat("GET /ready"+end+"Authorization: Bearer "+secret+"\r\n\r\n", 100),
		"no HTTP":       strings.Repeat(secret, 20),
		"HTTP/2":        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + secret,
	} {
		for range 2 {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(c, request)
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
		time.Sleep(20 * time.Millisecond)
		if hits, where := scan(t, s.Process.Pid, secret, encoded); hits > 0 {
			t.Fatalf("%s: %d windows of a token in %q", name, hits, where)
		}
	}

	// The scan finds the token of an unfinished request until the request times out.
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET /metrics"+end+"Authorization: Bearer "+secret)
	await := func(found bool) {
		t.Helper()
		for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			if hits, _ := scan(t, s.Process.Pid, secret); hits > 0 == found {
				return
			}
			if time.Since(begun) > patience {
				t.Fatalf("the scan finds it: want %v", found)
			}
		}
	}
	await(true)
	await(false)
	if strings.Contains(s.log.String(), secret[:windowSize]) {
		t.Error("a token is in the log")
	}
	if status, _ := get(t, http.DefaultClient, "http://"+address+"/ready", ""); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
}
