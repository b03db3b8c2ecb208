package server

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// FuzzServer holds both engines, over a socket, to the very bytes that the
// pure part answers with.
func FuzzServer(f *testing.F) {
	for i, request := range vectors.RequestTexts() {
		if len(request) < 20_000 {
			f.Add(request, uint16(i*7919))
		}
	}
	dated := Options{Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Unix(1_800_000_000, 0) }}
	w := New(newKeyring(f, testToken, ""), dated).newWorker()
	w.setTime(dated.Now())
	addresses := map[string]string{}
	for _, en := range enginetest.Kinds() {
		addresses[en.Name] = start(f, en, newKeyring(f, testToken, ""), dated).address
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		at := int(cut) % (len(in) + 1)
		want, _ := advanceAll(w, in)
		// The rest of a body may come too late.
		late, _ := advanceApart(w, in[:at], in[at:])
		for name, address := range addresses {
			got, err := sendAndClose(address, in[:at], in[at:])
			if err != nil {
				t.Fatalf("%s, cut at %d: after %q: %v", name, at, got, err)
			}
			if !sameResponses(got, want) && !sameResponses(got, late) && len(got)+len(want) > 0 {
				t.Errorf("%s, cut at %d: %q, want %q", name, at, got, want)
			}
		}
	})
}

// sendAndClose sends two pieces and then the end of the stream, and returns
// all that comes back.
func sendAndClose(address string, pieces ...[]byte) ([]byte, error) {
	c, err := net.DialTimeout("tcp", address, 20*time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	for i, piece := range pieces {
		if i > 0 {
			time.Sleep(time.Millisecond) // or the pieces would arrive as one
		}
		// The server may have answered and closed before it has all of it.
		if _, err := c.Write(piece); err != nil {
			break
		}
	}
	_ = c.(*net.TCPConn).CloseWrite()
	var received bytes.Buffer
	_, err = io.Copy(&received, c)
	// A server that closes a connection with nothing more to say need not read
	// what is still on its way to it; the answer has arrived all the same.
	if errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, os.ErrDeadlineExceeded) && received.Len() > 0 {
		err = nil
	}
	return received.Bytes(), err
}
