package engine

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// halfClose is the sending side of a TCP or unix connection.
type halfClose interface {
	net.Conn
	CloseWrite() error
}

// TestEverythingIsRead: what a client sends at once is answered to the last message,
// however it falls into reads, and the connection ends when the client has ended it.
// The kernel reports each change only once.
func TestEverythingIsRead(t *testing.T) {
	t.Parallel()
	sizes := []int{1, 2, 600, 605, 606, 607, 1300, 5000} // 54 bytes each; a read takes 32 KiB
	for _, network := range []string{"tcp", "unix"} {
		for _, messages := range sizes {
			t.Run(fmt.Sprintf("%s/%d", network, messages), func(t *testing.T) {
				t.Parallel()
				l := enginetest.Listen(t)
				if network == "unix" {
					var err error
					if l, err = net.Listen("unix", filepath.Join(t.TempDir(), "socket")); err != nil {
						t.Fatal(err)
					}
				}
				serve(t, Options{}, l)
				c, err := net.Dial(network, l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				go func() {
					_, _ = io.WriteString(c, strings.Repeat(ask, messages))
					_ = c.(halfClose).CloseWrite()
				}()
				_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
				got, err := io.ReadAll(c)
				if err != nil || len(got) != messages*response {
					t.Errorf("%d of %d responses: %v", len(got)/response, messages, err)
				}
			})
		}
	}
}

// TestEndIsSeen: a connection that the client ends is closed at once, whatever the
// loop was doing with it.
func TestEndIsSeen(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]string{
		"nothing sent":             "",
		"a message":                ask,
		"an incomplete message":    "ask",
		"a body":                   "skip 10\n0123456789",
		"an incomplete body":       "skip 10\n01234",
		"a body that never begins": "skip 10\n",
		"a full read":              strings.Repeat("x", 32<<10),
		"a full body":              "skip 70000\n" + strings.Repeat("x", 70000),
	} {
		for _, together := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%t", name, together), func(t *testing.T) {
				t.Parallel()
				ls := newTestLoops(t, 1, Options{})
				c := enginetest.Dial(t, ls.address)
				if !together {
					ls.settle(t)
				}
				if _, err := io.WriteString(c, sent); err != nil {
					t.Fatal(err)
				}
				if !together {
					ls.settle(t)
				}
				if err := c.(halfClose).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				ls.settle(t)
				if ls.loops[0].open != 0 {
					t.Error("the connection is open")
				}
			})
		}
	}
}

// TestReadsOnAfterWriting: a client that does not read for a while gets all responses
// in the end, and what it sent meanwhile is answered.
func TestReadsOnAfterWriting(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{})
	c := ls.dial(t)
	sent := 0
	for l := ls.loops[0]; l.blocked.first == nil; sent += 500 {
		ls.send(t, c, strings.Repeat(ask, 500))
		if sent > 1_000_000 {
			t.Fatal("the loop never waits for the client")
		}
	}
	ls.send(t, c, strings.Repeat(ask, 10)) // into a connection that is not read now
	sent += 10
	got := 0
	for begun := time.Now(); got < sent*response && time.Since(begun) < 20*time.Second; ls.settle(t) {
		text, ended := received(t, c)
		if got += len(text); ended {
			break
		}
	}
	if got != sent*response {
		t.Errorf("%d of %d responses", got/response, sent)
	}
}
