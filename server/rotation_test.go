package server

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// TestRotationIsImmediate: when SetKeyring has returned, the token that went is
// denied and the one that came is accepted, on every connection, whichever
// loop serves it; under load and without an error to anybody.
func TestRotationIsImmediate(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		token := func(n int) string { return fmt.Sprintf("rotated-token-%d", n) }
		request := func(n int) string {
			return "GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token(n) + "\r\n\r\n"
		}
		keyring := func(n int) *core.Keyring {
			e := core.Entry{Principal: fmt.Sprint("p", n), Credential: core.CredentialOf([]byte(token(n))), Expires: core.Never}
			return newKeyring(t, testToken, tokentest.EntryLine(e))
		}
		const rotations = 60
		current := atomic.Int64{}
		r := start(t, en, keyring(0), Options{Loops: 3})
		var clients sync.WaitGroup
		var stop atomic.Bool
		for range 6 {
			c := r.dial(t)
			clients.Go(func() {
				for !stop.Load() {
					// What was in force before and after the question is to be
					// granted; what never was, never.
					n := current.Load()
					if n < 0 {
						continue
					}
					if got := status(ask(t, c, request(int(n)))); got != "200" && current.Load() == n {
						t.Errorf("the token in force got %s", got)
					}
					if got := status(ask(t, c, request(rotations+7))); got != "401" {
						t.Errorf("a token that never was got %s", got)
					}
				}
			})
		}
		checks := r.dial(t)
		for n := 1; n <= rotations; n++ {
			k := keyring(n)
			current.Store(-1) // neither, for a moment
			r.SetKeyring(k)
			current.Store(int64(n))
			if got := status(ask(t, checks, request(n-1))); got != "401" {
				t.Errorf("a token that was removed got %s", got)
			}
			if got := status(ask(t, checks, request(n))); got != "200" {
				t.Errorf("a token that was added got %s", got)
			}
			time.Sleep(time.Millisecond)
		}
		stop.Store(true)
		clients.Wait()
	})
}
