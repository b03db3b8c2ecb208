package server

import (
	"io"
	"testing"
	"time"
)

// TestUnsentBodyIsNotAnsweredAgain: a request that was answered from its head
// has its one response. A second, 408, would be taken for the answer to
// another request.
func TestUnsentBodyIsNotAnsweredAgain(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, en engine) {
		r := en.start(t, newKeyring(t, testToken, ""), Options{HeadTimeout: 150 * time.Millisecond})
		for _, sent := range []string{"", "half"} {
			c := r.dial(t)
			if got := ask(t, c, "POST /auth HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"+sent); status(got) != "401" {
				t.Errorf("got %q", got)
			}
			if got := readEnd(t, c); got != "" {
				t.Errorf("with %q of the body sent, a second response: %q", sent, got)
			}
		}
	})
}

// TestHeadTimeoutIsForOneRequest: a client that always has a request under way
// is not slow as long as each of them is complete in time.
func TestHeadTimeoutIsForOneRequest(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, en engine) {
		const limit = 400 * time.Millisecond
		r := en.start(t, newKeyring(t, testToken, ""), Options{HeadTimeout: limit})
		c := r.dial(t)
		half := len(testAuth) / 2
		if _, err := io.WriteString(c, testAuth[:half]); err != nil {
			t.Fatal(err)
		}
		for begun := time.Now(); time.Since(begun) < 2*limit; time.Sleep(limit / 8) {
			// The end of one request and the beginning of the next.
			if got := ask(t, c, testAuth[half:]+testAuth[:half]); status(got) != "200" {
				t.Fatalf("after %v: %q", time.Since(begun), got)
			}
		}
		if got := readEnd(t, c); status(got) != "408" {
			t.Errorf("a request that is not complete in time got %q", got)
		}
	})
}

// TestSlowBodyBuysNoTime: neither does a body that trickles in.
func TestSlowBodyBuysNoTime(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, en engine) {
		r := en.start(t, newKeyring(t, testToken, ""), Options{HeadTimeout: 200 * time.Millisecond})
		c := r.dial(t)
		ask(t, c, "POST /auth HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
		for begun := time.Now(); time.Since(begun) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
			if _, err := io.WriteString(c, "x"); err != nil {
				return
			}
		}
		t.Error("the connection is kept for as long as a byte comes now and then")
	})
}
