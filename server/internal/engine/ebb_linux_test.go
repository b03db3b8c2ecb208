package engine

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// TestMemoryIsReturned: when a crowd of connections has gone, memory is returned, once.
// A few connections that come and go have no such effect.
func TestMemoryIsReturned(t *testing.T) {
	t.Parallel()
	e := New(testOptions(Options{Loops: 1}), newToy)
	returned := make(chan bool, 100)
	e.ebb.crowd, e.ebb.delay, e.ebb.free = 8, 0, func() { returned <- true }
	l := enginetest.Listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- e.Serve(ctx, l) }()

	comeAndGo := func(n int) {
		t.Helper()
		conns := make([]net.Conn, n)
		for i := range conns {
			conns[i] = enginetest.Dial(t, l.Addr().String())
			if got := statusWithin(conns[i], 20*time.Second); got != "yes" {
				t.Fatalf("connection %d got %q", i, got)
			}
		}
		for _, c := range conns {
			c.Close()
		}
		for e.Connections() > 0 { // the loop may not have seen their end
			time.Sleep(time.Millisecond)
		}
	}
	comeAndGo(7)
	comeAndGo(7)
	comeAndGo(20) // more than a crowd: a quarter of them may stay
	select {
	case <-returned:
	case <-time.After(20 * time.Second):
		t.Fatal("no memory is returned")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if again := len(returned); again > 0 {
		t.Errorf("memory is returned %d times more than needed", again)
	}
}

// TestDescriptorsAfterACrowd: the loop forgets the descriptors of a crowd, and serves
// connections that stay and that come.
func TestDescriptorsAfterACrowd(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{})
	ls.ebb.crowd, ls.ebb.free = 8, func() {}
	l := ls.loops[0]
	stays := ls.dial(t)
	crowd := make([]net.Conn, 80)
	for i := range crowd {
		crowd[i] = ls.dial(t)
	}
	known := len(l.conns)
	if l.noticeEbb(); len(l.conns) != known {
		t.Errorf("with all connections open, the loop knows %d descriptors, not %d", len(l.conns), known)
	}
	for _, c := range crowd {
		c.Close()
	}
	ls.settle(t)
	if l.noticeEbb(); l.conns[len(l.conns)-1] == nil || l.most != 1 {
		t.Errorf("the loop knows %d descriptors without a connection behind them; %d connections are the most", len(l.conns), l.most)
	}
	for _, c := range []net.Conn{stays, ls.dial(t)} {
		ls.send(t, c, ask)
		if text, ended := received(t, c); firstWord(text) != "yes" || ended {
			t.Errorf("%q, ended: %v", text, ended)
		}
	}
}
