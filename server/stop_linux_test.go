package server

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// TestStopForgetsNobody: who had connected when the server was told to stop is
// answered, accepted already or not.
func TestStopForgetsNobody(t *testing.T) {
	t.Parallel()
	for range 5 {
		r := start(t, enginetest.Kinds()[0], newKeyring(t, testToken, ""), Options{Loops: 2})
		const clients = 60
		connections := make([]net.Conn, clients)
		for i := range connections {
			connections[i] = r.dial(t)
			if _, err := io.WriteString(connections[i], testAuth); err != nil {
				t.Fatal(err)
			}
		}
		r.stop()
		for i, c := range connections {
			if got := readEnd(t, c); status(got) != "200" || strings.Count(got, "HTTP/1.1") != 1 {
				t.Errorf("client %d got %q", i, got)
			}
		}
		r.wait(t)
	}
}

// TestStopWithBlockedClients: those that take no response, and those that
// linger, do not hold the server up for longer than it was given.
func TestStopWithBlockedClients(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, newKeyring(t, testToken, ""), Options{DrainTimeout: 300 * time.Millisecond})
		deaf := r.dial(t)
		_ = deaf.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		for err := error(nil); err == nil; {
			_, err = io.WriteString(deaf, strings.Repeat(testAuth, 1000))
		}
		lingering := r.dial(t)
		if got := ask(t, lingering, "garbage\r\n"); status(got) != "400" {
			t.Errorf("got %q", got)
		}
		r.wait(t)
		if open := r.Stats().Connections; open != 0 {
			t.Errorf("%d connections are still counted", open)
		}
	})
}
