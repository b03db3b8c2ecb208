package server

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concrete-security/auth-service/core"
)

// portable serves listeners with a goroutine for each connection: on systems
// other than Linux, and for listeners that are no socket.
type portable struct {
	server   *Server
	current  *current // shared by all connections
	draining atomic.Bool

	mu    sync.Mutex
	conns map[net.Conn]bool // whether idle
	wait  sync.WaitGroup
}

// servePortably serves until ctx is done and all connections are closed.
func (s *Server) servePortably(ctx context.Context, listeners []net.Listener) {
	p := &portable{server: s, current: s.newCurrent(), conns: map[net.Conn]bool{}}
	for _, l := range listeners {
		// Counted like a connection: one that is accepted last is not forgotten.
		p.wait.Go(func() { p.accept(l) })
	}
	<-ctx.Done()
	p.drain(listeners)
}

// accept takes new connections until the listener is closed.
func (p *portable) accept(l net.Listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			if p.draining.Load() || errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of descriptors, or a connection that is gone: both pass.
			p.server.refusals.note(p.server.options.Logger, "cannot accept connections")
			time.Sleep(5 * time.Millisecond)
			continue
		}
		if p.server.connections.Add(1) > int64(p.server.options.MaxConnections) {
			p.server.connections.Add(-1)
			p.refuse(nc)
			continue
		}
		p.mu.Lock()
		p.conns[nc] = true
		p.mu.Unlock()
		p.wait.Go(func() { p.serve(nc) })
	}
}

func (p *portable) refuse(nc net.Conn) {
	w := worker{current: p.current}
	w.setTime(time.Now())
	_ = nc.SetDeadline(time.Now().Add(10 * time.Millisecond))
	_, _ = nc.Write(w.refuse(nil, overloaded))
	_ = nc.Close()
	p.server.refusals.note(p.server.options.Logger, "connection limit reached")
}

// drain stops accepting and waits for the connections, some time for the idle
// ones and DrainTimeout for all.
func (p *portable) drain(listeners []net.Listener) {
	p.draining.Store(true)
	for _, l := range listeners {
		_ = l.Close()
	}
	all := make(chan struct{})
	go func() { p.wait.Wait(); close(all) }()
	grace := time.NewTicker(min(drainGrace, p.server.options.DrainTimeout))
	defer grace.Stop()
	deadline := time.After(p.server.options.DrainTimeout)
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

func (p *portable) closeConns(idleOnly bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for nc, idle := range p.conns {
		if idle || !idleOnly {
			_ = nc.Close()
		}
	}
}

func (p *portable) setIdle(nc net.Conn, idle bool) {
	p.mu.Lock()
	p.conns[nc] = idle
	p.mu.Unlock()
}

type netPeer struct{ net.Conn }

func (p netPeer) address() string {
	host, _, err := net.SplitHostPort(p.RemoteAddr().String())
	if err != nil {
		return "" // a unix socket
	}
	return host
}

// serve answers one connection's requests.
func (p *portable) serve(nc net.Conn) {
	buffer := make([]byte, 4<<10)
	defer func() {
		core.Wipe(buffer)
		p.mu.Lock()
		delete(p.conns, nc)
		p.mu.Unlock()
		p.server.connections.Add(-1)
		_ = nc.Close()
	}()
	options := &p.server.options
	w := worker{current: p.current, audit: p.server.audit}
	var (
		x        exchange
		out      []byte
		held     int
		deadline = time.Now().Add(options.IdleTimeout)
		partial  bool
	)
	for {
		_ = nc.SetReadDeadline(deadline)
		n, err := nc.Read(buffer[held:])
		if n == 0 && err != nil {
			// A request whose body is missing has had its response.
			if partial && x.unread == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
				w.setTime(options.Now())
				p.finish(nc, w.refuse(out[:0], requestTimeout))
			}
			return
		}
		p.setIdle(nc, false)
		w.setTime(options.Now())
		total, then, answered := held+n, callAgain, false
		for consumed := 0; then == callAgain; {
			var used int
			used, out, then = w.advance(&x, buffer[consumed:total], out[:0], netPeer{nc}, p.draining.Load())
			consumed += used
			if then == closeLastly {
				core.Wipe(buffer[:total])
				p.finish(nc, out)
				return
			}
			if len(out) > 0 {
				answered = true
				_ = nc.SetWriteDeadline(time.Now().Add(options.HeadTimeout))
				_, err := nc.Write(out)
				clear(out)
				if err != nil {
					return
				}
			}
			if then == closeNow {
				return
			}
			if then == readMore {
				held = copy(buffer, buffer[consumed:total])
				core.Wipe(buffer[held:total])
			}
		}
		if held == len(buffer) {
			buffer = grown(buffer)
		}
		if x.partial(held) {
			if !partial || answered { // each request has its own time
				deadline = time.Now().Add(options.HeadTimeout)
			}
			partial = true
			continue
		}
		partial = false
		deadline = time.Now().Add(options.IdleTimeout)
		p.setIdle(nc, true)
	}
}

// grown returns a copy of buffer of twice the length and wipes buffer.
func grown(buffer []byte) []byte {
	larger := make([]byte, min(2*len(buffer), maxHead))
	copy(larger, buffer)
	core.Wipe(buffer)
	return larger
}

// finish writes the last response and reads on for a while before the
// connection is closed; see loop.linger.
func (p *portable) finish(nc net.Conn, out []byte) {
	_ = nc.SetDeadline(time.Now().Add(min(lingerTime, p.server.options.HeadTimeout)))
	if _, err := nc.Write(out); err != nil {
		return
	}
	half, ok := nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	discard := make([]byte, 4<<10)
	defer core.Wipe(discard)
	for {
		if _, err := nc.Read(discard); err != nil {
			return
		}
		core.Wipe(discard)
	}
}
