package engine

import (
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
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
		"ask me":      "late",
		"skip 9999\n": "yes",
	} {
		p := newPortable(New(testOptions(Options{MessageTimeout: 5 * lastLook}), newToy))
		c := &trickle{head: head}
		p.admit(c)
		p.wait.Wait()
		if got := c.response.String(); firstWord(got) != want || !isLast(got) {
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
	p := newPortable(New(testOptions(Options{}), newToy))
	l := enginetest.Listen(t)
	client := enginetest.Dial(t, l.Addr().String())
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := &sleeper{Conn: accepted, asked: make(chan struct{})}
	c.ask = sync.OnceFunc(func() { close(c.asked) })
	if _, err := io.WriteString(client, ask); err != nil {
		t.Fatal(err)
	}
	p.admit(c)
	p.makeRoom()
	p.wait.Wait()
	_ = client.SetReadDeadline(time.Now().Add(20 * time.Second))
	if got, _ := io.ReadAll(client); firstWord(string(got)) != "yes" || !isLast(string(got)) {
		t.Errorf("got %q", got)
	}
}
