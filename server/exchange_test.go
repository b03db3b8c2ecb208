package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/server/internal/engine"
	"github.com/concrete-security/auth-service/server/internal/enginetest"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

func allExchanges() []vectors.Exchange {
	return slices.Concat(vectors.Recorded(), vectors.Requests())
}

// TestExchangesOverSockets sends every request of the tables over a connection
// of its own.
func TestExchangesOverSockets(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		servers := map[string]*running{}
		var pending sync.WaitGroup
		slots := make(chan struct{}, 32)
		for _, x := range allExchanges() {
			key := x.Server
			if servers[key] == nil {
				options := settings(t, &x)
				options.HeadTimeout = 5 * time.Second
				servers[key] = start(t, en, configured(t, &x), options)
			}
			r := servers[key]
			pending.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				received, closed := exchangeBytes(t, r.address, &x)
				if err := x.Check(received, closed); err != nil {
					t.Errorf("%s (%s): %v", x.ID, x.Note, err)
				}
			})
		}
		pending.Wait()
	})
}

// exchangeBytes sends a request and returns what comes back, and whether the
// connection was closed.
func exchangeBytes(t *testing.T, address string, x *vectors.Exchange) (received []byte, closed bool) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return nil, false
	}
	defer c.Close()
	go func() { _, _ = c.Write(x.Request) }() // the server may answer, and close, before it has all of it
	buffer := make([]byte, 64<<10)
	for {
		patience := 5 * time.Second
		switch {
		case x.Complete(received) && x.After != vectors.Closed, len(x.Request) == 0:
			patience = 40 * time.Millisecond
		case !x.Complete(received) && x.After == vectors.Either:
			patience = 1500 * time.Millisecond
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		n, err := c.Read(buffer)
		received = append(received, buffer[:n]...)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return received, false
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v: the client may never see its response", x.ID, err)
			}
			return received, true
		}
	}
}

// advanceAll hands pieces to a worker as they would arrive, and returns the
// responses and whether the connection ends. It waits for the rest of a body
// until the last piece.
func advanceAll(w *worker, pieces ...[]byte) (out []byte, closed bool) {
	return advance(w, true, pieces)
}

// advanceApart is advanceAll without waiting for the rest of a body.
func advanceApart(w *worker, pieces ...[]byte) (out []byte, closed bool) {
	return advance(w, false, pieces)
}

func advance(w *worker, waiting bool, pieces [][]byte) (out []byte, closed bool) {
	var x http1.Exchange
	var held []byte
	for i, piece := range pieces {
		held = append(held, piece...)
		last := false
		for then := engine.Again; then == engine.Again; {
			r := w.advance(&x, held, nil, testPeer{}, last, false)
			out = append(out, r.Out...)
			held = held[r.Consumed:]
			then = r.Next
			switch then {
			case engine.Skip:
				held = held[:r.Keep:r.Keep]
				if !waiting || i == len(pieces)-1 {
					last, then = true, engine.Again
				}
			case engine.CloseNow, engine.CloseLastly:
				return out, true
			}
		}
	}
	return out, false
}

// TestExchangesCutAtEveryByte holds the worker to one answer, however the
// request arrives.
func TestExchangesCutAtEveryByte(t *testing.T) {
	t.Parallel()
	workers := map[string]*worker{}
	for _, x := range allExchanges() {
		if workers[x.Server] == nil {
			workers[x.Server] = newWorkerWith(configured(t, &x), settings(t, &x))
		}
		w := workers[x.Server]
		whole, closed := advanceAll(w, x.Request)
		if err := x.Check(whole, closed); err != nil {
			t.Errorf("%s (%s): %v", x.ID, x.Note, err)
		}
		for cut := 1; cut < len(x.Request); cut++ {
			if len(x.Request) > 2000 && !worthCutting(cut, len(x.Request)) {
				continue
			}
			got, gotClosed := advanceAll(w, x.Request[:cut], x.Request[cut:])
			if !sameResponses(got, whole) || gotClosed != closed {
				t.Errorf("%s cut at %d: %q, closed %v; whole: %q, closed %v", x.ID, cut, got, gotClosed, whole, closed)
				break
			}
		}
		if len(x.Request) < 2000 {
			got, gotClosed := advanceAll(w, slices.Collect(slices.Chunk(x.Request, 1))...)
			if !sameResponses(got, whole) || gotClosed != closed {
				t.Errorf("%s byte by byte: %q, closed %v; whole: %q, closed %v", x.ID, got, gotClosed, whole, closed)
			}
		}
	}
}

// worthCutting leaves most of the long runs of one byte out: all cuts near the
// ends and near the limits, and one in a hundred of the others.
func worthCutting(cut, length int) bool {
	const near = 40
	return cut < near || cut > length-near || cut > 8192-near && cut < 8192+2*near || cut%101 == 0
}

// sameResponses compares by status lines where a fault is found at an earlier
// byte than the whole request would show another one.
func sameResponses(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, y := statuses(a), statuses(b)
	return len(x) == len(y) && len(x) > 0 && slices.Equal(x[:len(x)-1], y[:len(y)-1]) &&
		isRefusal(x[len(x)-1]) && isRefusal(y[len(y)-1])
}

func isRefusal(status string) bool { return status == "400" || status == "414" || status == "431" }

func statuses(out []byte) (all []string) {
	for line := range strings.SplitSeq(string(out), "\r\n") {
		line = strings.TrimPrefix(line, healthyBody)
		if strings.HasPrefix(line, "HTTP/1.1 ") {
			all = append(all, status(line))
		}
	}
	return all
}
