package wipehttp

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const patience = 15 * time.Second

// start serves a handler that says what it was asked.
func start(t *testing.T, change func(*Server)) (address string) {
	t.Helper()
	handler := func(r Request) Response {
		if r.Path == "/panic" {
			panic("it fails")
		}
		asked := r.Path
		if r.Gzip {
			asked += " gzip"
		}
		return Response{Status: http.StatusOK, Fields: []Field{{"Content-Type", "text/plain"}, {"Asked", asked}}, Body: []byte("the body")}
	}
	s := New(handler, slog.New(slog.DiscardHandler), "/metrics", "/panic")
	if change != nil {
		change(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		_ = l.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c, bufio.NewReader(c)
}

// ask sends a request in two pieces and reads the response.
func ask(t *testing.T, c net.Conn, from *bufio.Reader, request string) (*http.Response, string) {
	t.Helper()
	half := len(request) / 2
	for _, piece := range []string{request[:half], request[half:]} {
		if _, err := io.WriteString(c, piece); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func isClosed(t *testing.T, from *bufio.Reader) bool {
	t.Helper()
	_, err := from.ReadByte()
	return err != nil
}

const end = " HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n"

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	c, from := dial(t, start(t, nil))
	for range 3 {
		response, body := ask(t, c, from, "GET /metrics"+end+"\r\n")
		if response.StatusCode != http.StatusOK || body != "the body" || response.Close || response.Header.Get("Asked") != "/metrics gzip" {
			t.Errorf("%v, %q", response, body)
		}
		response, body = ask(t, c, from, "HEAD /metrics"+end+"\r\n")
		if response.StatusCode != http.StatusOK || body != "" || response.ContentLength != int64(len("the body")) {
			t.Errorf("HEAD: %v, %q", response, body)
		}
		if response, _ = ask(t, c, from, "GET /none"+end+"\r\n"); response.StatusCode != http.StatusNotFound {
			t.Errorf("another path: %v", response)
		}
		if response, _ = ask(t, c, from, "DELETE /metrics"+end+"\r\n"); response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("another method: %v", response)
		}
		if response, _ = ask(t, c, from, "GET /panic"+end+"\r\n"); response.StatusCode != http.StatusInternalServerError || response.Header.Get("Asked") != "" {
			t.Errorf("a handler that fails: %v", response)
		}
	}
}

func TestPipelined(t *testing.T) {
	t.Parallel()
	c, from := dial(t, start(t, nil))
	go func() { _, _ = io.WriteString(c, strings.Repeat("GET /metrics"+end+"\r\n", 500)) }()
	for i := range 500 {
		response, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatalf("response %d: %v", i, err)
		}
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != "the body" {
			t.Fatalf("response %d: %q, %v", i, body, err)
		}
	}
}

// TestLastAnswerArrives: the connection ends, and unread bytes do not cost the
// client its answer.
func TestLastAnswerArrives(t *testing.T) {
	t.Parallel()
	address := start(t, nil)
	long := strings.Repeat("x", maxHead)
	for name, tt := range map[string]struct {
		request string
		status  int
	}{
		"close":         {"GET /metrics" + end + "Connection: close\r\n\r\n", 200},
		"a body":        {"POST /metrics" + end + "Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000), 405},
		"a long field":  {"GET /metrics" + end + "X: " + long + "\r\n\r\n", 431},
		"a long target": {"GET /" + long + end + "\r\n", 431},
		"TLS":           {"\x16\x03\x01" + long, 400},
	} {
		c, from := dial(t, address)
		response, _ := ask(t, c, from, tt.request)
		if response.StatusCode != tt.status || !response.Close || !isClosed(t, from) {
			t.Errorf("%s: %v", name, response)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	address := start(t, func(s *Server) { s.head, s.idle = 50*time.Millisecond, 50*time.Millisecond })
	_, from := dial(t, address)
	if !isClosed(t, from) {
		t.Error("an idle connection stays")
	}
	c, from := dial(t, address)
	if response, _ := ask(t, c, from, "GET /metrics"+end); response.StatusCode != http.StatusRequestTimeout || !isClosed(t, from) {
		t.Errorf("a head without an end: %v", response)
	}
}

// accepted waits until the server has a connection.
func (s *Server) accepted(t *testing.T, c net.Conn) {
	t.Helper()
	there := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for other := range s.conns {
			if other.RemoteAddr().String() == c.LocalAddr().String() {
				return true
			}
		}
		return false
	}
	for begun := time.Now(); !there(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatal("a connection is not accepted")
		}
	}
}

// TestLongestIdleMakesRoom: a client that holds all connections keeps nobody out.
// A connection that asked recently is not closed while others are idle.
func TestLongestIdleMakesRoom(t *testing.T) {
	t.Parallel()
	var server *Server
	address := start(t, func(s *Server) {
		server = s
		s.head = time.Hour // otherwise unfinished requests time out
	})
	scraper, fromScraper := dial(t, address)
	for round := range 4 {
		var c net.Conn
		for i := range MaxConnections - 4 { // one that was just closed may still count
			c, _ = dial(t, address)
			if i%2 == 0 {
				if _, err := io.WriteString(c, "GET /metrics HTTP/1.1\r\nX: "); err != nil {
					t.Fatal(err)
				}
			}
		}
		server.accepted(t, c) // and so are all before it
		// The scraper was accepted before all of these, but has asked since.
		if response, body := ask(t, scraper, fromScraper, "GET /metrics"+end+"\r\n"); response.StatusCode != http.StatusOK || body != "the body" {
			t.Errorf("round %d: %v", round, response)
		}
		c, from := dial(t, address)
		if response, _ := ask(t, c, from, "GET /metrics"+end+"\r\n"); response.StatusCode != http.StatusOK {
			t.Errorf("round %d: a new one: %v", round, response)
		}
		_ = c.Close()
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	var server *Server
	address := start(t, func(s *Server) { server = s })
	var conns []*bufio.Reader
	for range MaxConnections + 10 {
		_, from := dial(t, address)
		conns = append(conns, from)
	}
	for i, from := range conns[:10] {
		if !isClosed(t, from) {
			t.Errorf("connection %d is still open", i)
		}
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	if n := len(server.conns); n > MaxConnections {
		t.Errorf("%d connections", n)
	}
}
