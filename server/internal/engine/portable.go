package engine

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/concrete-security/auth-service/internal/secret"
)

// portable serves listeners with a goroutine for each connection: on systems
// other than Linux, and for listeners without a socket.
type portable[S any] struct {
	engine   *Engine[S]
	draining atomic.Bool

	mu    sync.Mutex
	conns map[*portableConn[S]]bool
	idle  list[*portableConn[S]] // the one that has been idle longest first
	wait  sync.WaitGroup
}

// servePortably serves until ctx is done and all connections are closed.
func (e *Engine[S]) servePortably(ctx context.Context, listeners []net.Listener) {
	p := newPortable(e)
	for _, l := range listeners {
		// Counted like a connection: one that is accepted last is not forgotten.
		p.wait.Go(func() { p.accept(l) })
	}
	<-ctx.Done()
	p.drain(listeners)
}

func newPortable[S any](e *Engine[S]) *portable[S] {
	return &portable[S]{engine: e, conns: map[*portableConn[S]]bool{}}
}

// accept takes new connections until the listener is closed.
func (p *portable[S]) accept(l net.Listener) {
	roomMade := false // since the last connection
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			roomMade = false
			p.admit(nc)
		case p.draining.Load(), errors.Is(err, net.ErrClosed):
			return
		default:
			p.engine.noteAcceptError(errorName(err), err.Error())
			// If one free descriptor does not help, more do not either.
			if !roomMade && (errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)) {
				roomMade = p.makeRoom()
			}
			time.Sleep(acceptPause)
		}
	}
}

// errorName returns the name of a system error.
func errorName(err error) string {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno.Error()
	}
	return "other"
}

// admit makes a connection of nc, or refuses it.
func (p *portable[S]) admit(nc net.Conn) {
	if p.engine.connections.Add(1) > int64(p.engine.options.MaxConnections) {
		p.engine.noteConnectionLimit()
		if !p.makeRoom() {
			p.engine.connections.Add(-1)
			p.turnAway(nc)
			return
		}
	}
	c := &portableConn[S]{Conn: nc, portable: p}
	c.place.of = c
	p.mu.Lock()
	p.conns[c] = true
	c.setIdle(true)
	p.mu.Unlock()
	p.wait.Go(c.serve)
}

// makeRoom closes the connection that has been idle longest, or, if none is idle,
// the one that has kept the server waiting longest. It returns false if there is
// neither.
func (p *portable[S]) makeRoom() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if first := p.idle.first; first != nil {
		first.of.setIdle(false)
		first.of.leave()
		return true
	}
	return p.engine.held.relieveOne()
}

func (p *portable[S]) turnAway(nc net.Conn) {
	respond := p.engine.newResponder()
	respond(Event{Kind: Tick}, nil, nil, nil)
	_ = nc.SetDeadline(time.Now().Add(10 * time.Millisecond))
	_, _ = nc.Write(respond(Event{Crowded, p.draining.Load()}, nil, nil, nil).Out)
	_ = nc.Close()
}

// drain stops accepting and waits for the connections, some time for the idle
// ones and DrainTimeout for all.
func (p *portable[S]) drain(listeners []net.Listener) {
	p.draining.Store(true)
	for _, l := range listeners {
		_ = l.Close()
	}
	all := make(chan struct{})
	go func() { p.wait.Wait(); close(all) }()
	grace := time.NewTicker(min(drainGrace, p.engine.options.DrainTimeout))
	defer grace.Stop()
	deadline := time.After(p.engine.options.DrainTimeout)
	for {
		select {
		case <-all:
			return
		case <-grace.C:
			p.closeConns(true)
		case <-deadline:
			p.closeConns(false)
			<-all
			return
		}
	}
}

func (p *portable[S]) closeConns(idleOnly bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		switch {
		case !idleOnly:
			_ = c.Close()
		case c.place.list != nil:
			c.leave()
		}
	}
}

// portableConn is one connection of the portable engine.
type portableConn[S any] struct {
	net.Conn
	portable *portable[S]
	place    element[*portableConn[S]] // in portable.idle; portable.mu guards it
	holding  holding
	refused  atomic.Bool // it was asked to give up what it holds
	leaves   atomic.Bool // it was asked to end once it is idle
}

func (c *portableConn[S]) address() string {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		return "" // a unix socket
	}
	return host
}

// setIdle notes whether the connection is idle from now on. The caller holds
// portable.mu.
func (c *portableConn[S]) setIdle(idle bool) {
	c.place.remove()
	if idle {
		c.portable.idle.append(&c.place)
	}
}

func (c *portableConn[S]) lockedSetIdle(idle bool) {
	c.portable.mu.Lock()
	c.setIdle(idle)
	c.portable.mu.Unlock()
}

// giveUp wakes the goroutine that reads from the connection or writes to it.
func (c *portableConn[S]) giveUp() {
	c.refused.Store(true)
	_ = c.SetDeadline(time.Unix(1, 0))
}

// leave ends an idle connection. If a message has just arrived, the last look of
// read finds it, and the connection ends with the response.
func (c *portableConn[S]) leave() {
	c.leaves.Store(true)
	_ = c.SetReadDeadline(time.Unix(1, 0))
}

// hold notes how many bytes the connection holds.
func (c *portableConn[S]) hold(bytes int) {
	held := &c.portable.engine.held
	if held.set(&c.holding, c, int64(bytes)) {
		c.portable.engine.noteHeldLimit()
		held.relieve()
	}
}

// read reads, and looks once more after the deadline: if the process was paused,
// it has not yet read what was sent in time. late reports that the deadline has
// passed. idle says that no message has begun.
func (c *portableConn[S]) read(b []byte, deadline time.Time, idle bool) (n int, late bool, err error) {
	_ = c.SetReadDeadline(deadline)
	if c.refused.Load() { // it may have been since before that line
		return 0, true, os.ErrDeadlineExceeded
	}
	if idle && c.leaves.Load() {
		_ = c.SetReadDeadline(time.Unix(1, 0))
	}
	n, err = c.Read(b)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && !c.refused.Load() {
		late = true
		_ = c.SetReadDeadline(time.Now().Add(lastLook))
		n, err = c.Read(b)
	}
	return n, late, err
}

// lastLook is how long the last look waits for bytes that have already arrived. It
// finds nothing if the goroutine sleeps for that long before it reads.
const lastLook = 10 * time.Millisecond

// usualBuffer is the size of a connection's buffer while it is idle, in bytes.
const usualBuffer = 4 << 10

// serve answers the connection's messages.
func (c *portableConn[S]) serve() {
	p := c.portable
	x := portableExchange[S]{conn: c, respond: p.engine.newResponder(), buffer: make([]byte, usualBuffer)}
	x.peer = c
	defer func() {
		secret.Wipe(x.buffer)
		c.hold(0)
		p.mu.Lock()
		c.setIdle(false)
		delete(p.conns, c)
		p.mu.Unlock()
		p.engine.connections.Add(-1)
		_ = c.Close()
	}()
	x.run()
}
