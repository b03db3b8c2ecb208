package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// probe asks for a last response, the form of which nothing else has.
const probe = "GET /health HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"

// TestExchangesInPieces sends requests in pieces that arrive one by one: some
// cut in two, some byte by byte. A connection that is to stay open must then
// answer one request more, and nothing may stand before that answer.
func TestExchangesInPieces(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		servers := map[string]*running{}
		var pending sync.WaitGroup
		slots := make(chan struct{}, 32)
		for i, x := range vectors.Requests() {
			if x.After == vectors.Either || !x.Complete(nil) && len(x.Request) == 0 {
				continue
			}
			if servers[x.Server] == nil {
				servers[x.Server] = start(t, en, configured(t, &x), settings(t, &x))
			}
			address := servers[x.Server].address
			at := 1 + (i*7919)%(len(x.Request)+1)
			if bytes.HasSuffix(x.Request[:min(at, len(x.Request))], []byte("\r\n\r\n")) {
				at++ // a body that does not arrive with its head is not waited for
			}
			pieces := [][]byte{x.Request[:min(at, len(x.Request))], x.Request[min(at, len(x.Request)):]}
			if len(x.Request) < 400 && i%8 == 0 && x.Group != "body" {
				pieces = slices.Collect(slices.Chunk(x.Request, 1))
			}
			pending.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				if err := exchangePieces(address, &x, pieces); err != nil {
					t.Errorf("%s (%s), in %d pieces, the first of %d bytes: %v", x.ID, x.Note, len(pieces), len(pieces[0]), err)
				}
			})
		}
		pending.Wait()
	})
}

func exchangePieces(address string, x *vectors.Exchange, pieces [][]byte) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for _, piece := range pieces {
			if _, err := c.Write(piece); err != nil {
				return // refused already
			}
			time.Sleep(time.Millisecond)
		}
	}()
	var received []byte
	for buffer := make([]byte, 64<<10); !x.Complete(received) || x.After == vectors.Closed; {
		n, err := c.Read(buffer)
		received = append(received, buffer[:n]...)
		// What the client still sends to a closed connection is answered with a reset.
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) && x.Complete(received) {
			return x.Check(received, true)
		}
		if err != nil {
			return err
		}
	}
	<-sent
	if err := x.Check(received, false); err != nil || !answersAnother(x) {
		return err
	}
	if _, err := io.WriteString(c, probe); err != nil {
		return err
	}
	rest, err := io.ReadAll(c)
	if got := string(rest); err == nil && (!strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(got, "\r\n\r\n"+healthyBody) || strings.Count(got, "HTTP/1.1") != 1) {
		err = errors.New("a further request on the connection was answered " + got)
	}
	return err
}

// answersAnother reports whether a further request can follow: not if the
// server still waits for the end of this one.
func answersAnother(x *vectors.Exchange) bool { return x.Group != "waiting" }

// TestUnixSocket is served as TCP is; its peers have no address.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		dir, err := os.MkdirTemp("", "auth") // t.TempDir's names may be too long for a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		path := filepath.Join(dir, "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			needtest.Missing(t, "no unix sockets here: %v", err)
		}
		lines := &logLines{}
		s := New(newKeyring(t, testToken, ""), Options{Logger: slog.New(slog.NewJSONHandler(lines, nil))})
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx, en.Wrap(l)) }()
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for request, want := range map[string]string{testAuth: "200", testDenied: "401"} {
			if got := ask(t, c, request); status(got) != want {
				t.Errorf("got %q, want %s", got, want)
			}
		}
		if got := lines.take(t); len(got) != 1 || got[0]["client"] != "" {
			t.Errorf("logged %v: the peer has no address", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// TestSeveralListeners are served by one Server, whatever they are.
func TestSeveralListeners(t *testing.T) {
	t.Parallel()
	var listeners []net.Listener
	var addresses []string
	for i := range 4 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, l.Addr().String())
		listeners = append(listeners, enginetest.Kinds()[i%2].Wrap(l))
	}
	s := New(newKeyring(t, testToken, ""), Options{Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listeners...) }()
	for _, address := range addresses {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := ask(t, c, testAuth); status(got) != "200" {
			t.Errorf("got %q", got)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	for _, address := range addresses {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			t.Errorf("%s still listens", address)
		}
	}
}

func TestServeWithoutListeners(t *testing.T) {
	t.Parallel()
	if err := New(nil, Options{}).Serve(context.Background()); err == nil {
		t.Error("no error")
	}
}
