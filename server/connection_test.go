package server

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

func TestSlowHeadIsToldSo(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{HeadTimeout: 200 * time.Millisecond})
		c := r.dial(t)
		begun := time.Now()
		for range 20 { // bytes that trickle in do not buy time
			if _, err := io.WriteString(c, "G"); err != nil || time.Since(begun) > 400*time.Millisecond {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if got := readEnd(t, c); status(got) != "408" {
			t.Errorf("got %q", got)
		}
	})
}

func TestSlowBodyIsCutOff(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{HeadTimeout: 200 * time.Millisecond})
		c := r.dial(t)
		if got := ask(t, c, "POST /auth HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf"); status(got) != "401" {
			t.Errorf("got %q", got)
		}
		readEnd(t, c)
	})
}

func TestIdleConnectionIsClosedSilently(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{IdleTimeout: 200 * time.Millisecond})
		silent, used := r.dial(t), r.dial(t)
		ask(t, used, testAuth)
		for _, c := range []net.Conn{silent, used} {
			if got := readEnd(t, c); got != "" {
				t.Errorf("got %q", got)
			}
		}
	})
}

// TestErrorArrivesWhileSending: the client goes on sending for long after the
// request is refused, and reads only then.
func TestErrorArrivesWhileSending(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{})
		for request, want := range map[string]string{
			"GET /" + strings.Repeat("x", 9000) + " HTTP/1.1\r\n": "414",
			"GET / HTTP/9.9\r\n": "505",
			testAuth[:len(testAuth)-2] + "Content-Length: 1000000\r\n\r\n":             "200",
			testAuth[:len(testAuth)-2] + "Transfer-Encoding: chunked\r\n\r\nf4240\r\n": "200",
		} {
			c := r.dial(t)
			go func() {
				_, _ = io.WriteString(c, request)
				_, _ = c.Write(make([]byte, 1_000_000))
			}()
			time.Sleep(50 * time.Millisecond)
			if got := readEnd(t, c); status(got) != want || strings.Count(got, "HTTP/1.1") != 1 {
				t.Errorf("%.20q: got %q, want %s once", request, got, want)
			}
		}
	})
}

// TestClientThatNeverReads must not make the server hold ever more responses.
func TestClientThatNeverReads(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{HeadTimeout: 300 * time.Millisecond})
		c := r.dial(t)
		_ = c.SetWriteDeadline(time.Now().Add(20 * time.Second))
		requests := strings.Repeat(testAuth, 1000)
		sent := 0
		for {
			n, err := io.WriteString(c, requests)
			if sent += n; err != nil {
				break
			}
			if sent > 1<<30 {
				t.Fatal("the server takes whatever is sent")
			}
		}
		ask(t, r.dial(t), testAuth) // it serves others
	})
}

// TestPipelineLongerThanBuffers is answered in order to the last.
func TestPipelineLongerThanBuffers(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{})
		c := r.dial(t)
		const pairs = 5000
		go func() {
			_, _ = io.WriteString(c, strings.Repeat(testAuth+testDenied, pairs))
			_, _ = io.WriteString(c, "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		}()
		time.Sleep(100 * time.Millisecond) // both directions fill up
		got := statuses([]byte(readEnd(t, c)))
		if len(got) != 2*pairs+1 {
			t.Fatalf("%d responses", len(got))
		}
		for i, s := range got[:2*pairs] {
			if want := []string{"200", "401"}[i%2]; s != want {
				t.Fatalf("response %d is %s", i, s)
			}
		}
	})
}

// TestConnectionLimit: at the limit the connection that has been idle longest
// makes room, so early clients cannot keep all others out.
func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{MaxConnections: 3, Loops: 1})
		var open []net.Conn
		for i := range 10 {
			c := r.dial(t)
			if got := ask(t, c, testAuth); status(got) != "200" {
				t.Fatalf("connection %d got %q", i, got)
			}
			if open = append(open, c); len(open) > 3 {
				if got := readEnd(t, open[0]); got != "" {
					t.Errorf("the one that has been idle longest got %q", got)
				}
				open = open[1:]
			}
			// The first of them is used, so the next one is idle longest.
			if got := ask(t, open[0], testAuth); status(got) != "200" {
				t.Errorf("an open connection got %q", got)
			}
			open = append(open[1:], open[0])
		}
	})
}

// TestConnectionLimitOfBusyConnections: if no connection is idle, the oldest
// incomplete request makes room.
func TestConnectionLimitOfBusyConnections(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{MaxConnections: 3, Loops: 1})
		var begun []net.Conn
		held := int64(0)
		for i := range 3 {
			c := r.dial(t)
			if _, err := io.WriteString(c, testAuth[:50]); err != nil {
				t.Fatal(err)
			}
			enginetest.Await(t, fmt.Sprintf("request %d to begin", i), func() bool { return r.Stats().Held > held })
			held = r.Stats().Held
			begun = append(begun, c)
		}
		if got := ask(t, r.dial(t), testAuth); status(got) != "200" {
			t.Errorf("a further connection got %q", got)
		}
		if got := readEnd(t, begun[0]); status(got) != "503" {
			t.Errorf("the oldest incomplete request got %q", got)
		}
		for _, c := range begun[1:] {
			if got := ask(t, c, testAuth[50:]); status(got) != "200" {
				t.Errorf("a younger one got %q", got)
			}
		}
	})
}

// TestConnectionLimitOfClosedConnections: connections whose clients have their
// last response, and have not closed their end, make room as well.
func TestConnectionLimitOfClosedConnections(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{MaxConnections: 3, Loops: 1})
		for range 3 {
			if got := ask(t, r.dial(t), "garbage\r\n"); status(got) != "400" {
				t.Fatalf("got %q", got)
			}
		}
		enginetest.Await(t, "a connection that lingers", func() bool { return en.Name == "native" || r.Stats().Held > 0 })
		if got := ask(t, r.dial(t), testAuth); status(got) != "200" {
			t.Errorf("a new connection got %q", got)
		}
	})
}

func TestStop(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		for attempt := 0; !stopsInOrder(t, en); attempt++ {
			if attempt == 10 {
				t.Fatal("the machine is too slow to ask within the time that idle connections have")
			}
		}
	})
}

// stopsInOrder returns false if the machine was too slow to tell.
func stopsInOrder(t *testing.T, en enginetest.Kind) bool {
	t.Helper()
	r := start(t, en, newKeyring(t, testToken, ""), Options{DrainTimeout: 3 * time.Second})
	idle, begun := r.dial(t), r.dial(t)
	ask(t, idle, testAuth)
	half := len(testAuth) / 2
	if _, err := io.WriteString(begun, testAuth[:half]); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	stopped := make(chan struct{})
	asked := time.Now()
	go func() { defer close(stopped); r.wait(t) }()
	time.Sleep(50 * time.Millisecond)
	if _, err := io.WriteString(idle, testAuth); err != nil || time.Since(asked) > 125*time.Millisecond {
		<-stopped
		return false
	}
	if got := ask(t, idle, ""); status(got) != "200" || !strings.Contains(got, "\r\nConnection: close\r\n") {
		t.Errorf("an open connection got %q", got)
	}
	if got := ask(t, begun, testAuth[half:]); status(got) != "200" || !strings.Contains(got, "\r\nConnection: close\r\n") {
		t.Errorf("a request that had begun got %q", got)
	}
	<-stopped
	if c, err := net.Dial("tcp", r.address); err == nil {
		c.Close()
		t.Error("it still listens")
	}
	return true
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{DrainTimeout: 400 * time.Millisecond})
		c := r.dial(t)
		_, _ = io.WriteString(c, testAuth[:20])
		time.Sleep(30 * time.Millisecond)
		begun := time.Now()
		r.wait(t)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestSetKeyring replaces the keyring over and over under load: no verdict may
// be any but the old one's or the new one's.
func TestSetKeyring(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{})
		var stop atomic.Bool
		var clients sync.WaitGroup
		for i := range 8 {
			c := r.dial(t)
			clients.Go(func() {
				for !stop.Load() {
					request, want := testAuth, "200"
					if i%2 == 1 {
						request, want = testDenied, "401"
					}
					if got := ask(t, c, request); status(got) != want {
						t.Errorf("got %q, want %s", got, want)
						return
					}
				}
			})
		}
		var old []*core.Keyring
		for i := range 50 {
			k := newKeyring(t, testToken, fmt.Sprintf("p%d sha256:%064d\n", i, i))
			old = append(old, k)
			r.SetKeyring(k)
			time.Sleep(time.Millisecond)
		}
		stop.Store(true)
		clients.Wait()
		r.SetKeyring(nil)
		for _, k := range old {
			if k.Usable() {
				t.Error("a keyring that was replaced is not wiped")
			}
		}
	})
}

// TestManyConnections: whichever loop serves them, and if they are handed from
// one to another, each gets its own answers.
func TestManyConnections(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{Loops: 3})
		var clients sync.WaitGroup
		for range 24 {
			c := r.dial(t)
			clients.Go(func() {
				for i := range 200 {
					request, want := testAuth, "200"
					if i%3 == 0 {
						request, want = testDenied, "401"
					}
					_, _ = io.WriteString(c, request+request)
					for range 2 {
						if got := readHead(t, c); status(got) != want {
							t.Errorf("got %q", got)
							return
						}
					}
				}
			})
		}
		clients.Wait()
	})
}
