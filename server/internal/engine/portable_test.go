package server

import (
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// trickle is a connection whose client sends one more byte at every last look of
// the server.
type trickle struct {
	net.Conn
	head     string
	deadline time.Time
	response strings.Builder
}

func (c *trickle) Read(b []byte) (int, error) {
	if n := copy(b, c.head); n > 0 {
		c.head = c.head[n:]
		return n, nil
	}
	wait := time.Until(c.deadline)
	if wait > 0 && wait <= lastLook {
		b[0] = ' '
		return 1, nil
	}
	time.Sleep(wait)
	return 0, os.ErrDeadlineExceeded
}

func (c *trickle) Write(b []byte) (int, error)        { return c.response.Write(b) }
func (c *trickle) Close() error                       { return nil }
func (c *trickle) RemoteAddr() net.Addr               { return &net.UnixAddr{} }
func (c *trickle) SetDeadline(at time.Time) error     { return c.SetReadDeadline(at) }
func (c *trickle) SetReadDeadline(at time.Time) error { c.deadline = at; return nil }
func (c *trickle) SetWriteDeadline(time.Time) error   { return nil }

// TestLastLookIsTheLast: a client that sends a byte at the right moment does not
// gain another look.
func TestLastLookIsTheLast(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"GET /auth HTTP/1.1\r\nHost: a\r\na:":                            "408",
		"POST /auth HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n": "401",
	} {
		s := New(newKeyring(t, testToken, ""), Options{Logger: slog.New(slog.DiscardHandler), HeadTimeout: 5 * lastLook})
		p := &portable{server: s, current: s.newCurrent(), conns: map[*portableConn]bool{}}
		c := &trickle{head: head}
		p.admit(c)
		p.wait.Wait()
		if got := c.response.String(); status(got) != want || !strings.Contains(got, "Connection: close") {
			t.Errorf("after %q: %q", head, got)
		}
	}
}

// sleeper is a connection whose goroutine does not get to read what has arrived
// before the server asks for something else.
type sleeper struct {
	net.Conn
	asked chan struct{}
	ask   func()
}

func (c *sleeper) Read(b []byte) (int, error) {
	<-c.asked
	return c.Conn.Read(b)
}

func (c *sleeper) SetReadDeadline(at time.Time) error {
	if time.Until(at) <= 0 {
		defer c.ask()
	}
	return c.Conn.SetReadDeadline(at)
}

func (c *sleeper) Close() error {
	defer c.ask()
	return c.Conn.Close()
}

// TestArrivedRequestStays: if a connection looks idle but its request has arrived,
// the server answers the request before the connection makes room.
func TestArrivedRequestStays(t *testing.T) {
	t.Parallel()
	s := New(newKeyring(t, testToken, ""), Options{Logger: slog.New(slog.DiscardHandler)})
	p := &portable{server: s, current: s.newCurrent(), conns: map[*portableConn]bool{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := &sleeper{Conn: accepted, asked: make(chan struct{})}
	c.ask = sync.OnceFunc(func() { close(c.asked) })
	if _, err := io.WriteString(client, testAuth); err != nil {
		t.Fatal(err)
	}
	p.admit(c)
	p.makeRoom()
	p.wait.Wait()
	_ = client.SetReadDeadline(time.Now().Add(20 * time.Second))
	if got, _ := io.ReadAll(client); status(string(got)) != "200" || !strings.Contains(string(got), "Connection: close") {
		t.Errorf("got %q", got)
	}
}
