package server

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// TestUnsentBody: a faulty proxy announces a body and does not send all of it. The
// request is answered from its head, once, and the connection ends. So the next
// request does not wait on it for the body.
func TestUnsentBody(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{HeadTimeout: time.Hour})
		for _, sent := range []string{"", "half"} {
			c := r.dial(t)
			ask(t, c, testAuth)
			got := ask(t, c, "POST /auth HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"+sent)
			if status(got) != "401" || !strings.Contains(got, "\r\nConnection: close\r\n") {
				t.Errorf("with %q of the body sent: %q", sent, got)
			}
			if got := readEnd(t, c); got != "" {
				t.Errorf("with %q of the body sent, a second response: %q", sent, got)
			}
		}
	})
}

// TestBodyInSegments: a small body that has begun to arrive with its request does
// not end the connection, however many segments it comes in.
func TestBodyInSegments(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{})
		for _, size := range []int{1, 100, 5000, 32 << 10, http1.MaxDiscardedBody} {
			for attempt := 0; ; attempt++ {
				c := r.dial(t)
				request := strings.Replace(testAuth, "\r\n\r\n", fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n", size), 1)
				begun := time.Now()
				_, _ = io.WriteString(c, request+strings.Repeat("b", size/2+1))
				time.Sleep(time.Millisecond)
				_, _ = io.WriteString(c, strings.Repeat("b", size-size/2-1)+testDenied)
				late := time.Since(begun) > 50*time.Millisecond
				first := readHead(t, c)
				if strings.Contains(first, "Connection: close") && late && attempt < 10 {
					continue // the machine was too slow
				}
				if status(first) != "200" || strings.Contains(first, "Connection: close") {
					t.Errorf("with a body of %d bytes: %q", size, first)
				} else if second := readHead(t, c); status(second) != "401" {
					t.Errorf("behind a body of %d bytes: %q", size, second)
				}
				break
			}
		}
	})
}

// TestSlowBodyBehindResponses: responses to earlier requests are written only once,
// even if a body is still missing at that time.
func TestSlowBodyBehindResponses(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{})
		c := r.dial(t)
		_, _ = io.WriteString(c, testAuth+testDenied+"POST /auth HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
		got := readEnd(t, c) // the rest of the body does not come
		if n := strings.Count(got, "HTTP/1.1 "); n != 3 || strings.Contains(got, "\x00") || !strings.HasSuffix(got, "\r\n\r\n") {
			t.Errorf("%d responses in %q", n, got)
		}
	})
}

// TestHeadTimeoutIsForOneRequest: a client that always has a request under way
// is not slow as long as each of them is complete in time.
func TestHeadTimeoutIsForOneRequest(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		const limit = 400 * time.Millisecond
		r := start(t, en, newKeyring(t, testToken, ""), Options{HeadTimeout: limit})
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
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{HeadTimeout: 200 * time.Millisecond})
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
