package server

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/core"
)

// conn is one connection of a loop. While it is idle it holds no buffer.
type conn struct {
	fd       int
	exchange exchange
	unparsed []byte // an incomplete request, or what could not be answered yet
	unsent   []byte // responses that the client has not taken
	after    next   // what follows once unsent is gone
	lingers  bool
	watched  bool // by the loop's poll
	wait     waiting
}

// address is the other end's, or nothing for a unix socket.
func (c *conn) address() string {
	name, err := unix.Getpeername(c.fd)
	if err != nil {
		return ""
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		return net.IP(a.Addr[:]).String()
	case *unix.SockaddrInet6:
		return net.IP(a.Addr[:]).String()
	}
	return ""
}

// readable reads what has arrived and answers it.
func (l *loop) readable(c *conn) {
	if c.lingers {
		l.discard(c)
		return
	}
	held := copy(l.in, c.unparsed)
	n, err := read(c.fd, l.in[held:])
	switch {
	case n > 0:
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		core.Wipe(l.in[:held])
		return
	default: // the client is gone, or has nothing more to say
		core.Wipe(l.in[:held])
		l.close(c)
		return
	}
	l.answer(c, held+n)
}

// answer answers the requests in l.in[:n], which it wipes.
func (l *loop) answer(c *conn, n int) {
	consumed, then := 0, callAgain
	for then == callAgain {
		var used int
		used, l.out, then = l.worker.advance(&c.exchange, l.in[consumed:n], l.out[:0], c, l.draining)
		consumed += used
		if len(l.out) > 0 {
			c.wait.remove() // what has begun is another request, with its own time
		}
		if then != callAgain {
			break
		}
		if !l.write(c, callAgain) {
			if l.conns[c.fd] == c {
				l.hold(c, consumed, n)
			}
			core.Wipe(l.in[:n])
			return
		}
	}
	l.hold(c, consumed, n)
	core.Wipe(l.in[:n])
	l.send(c, then)
}

// hold keeps l.in[consumed:n] for later and nothing else of the request.
func (l *loop) hold(c *conn, consumed, n int) {
	rest := l.in[consumed:n]
	if len(c.unparsed) > 0 {
		clear(c.unparsed)
		c.unparsed = c.unparsed[:0]
	}
	if len(rest) == 0 {
		c.unparsed = nil
		return
	}
	if cap(c.unparsed) < len(rest) {
		c.unparsed = make([]byte, 0, max(len(rest), 256))
	}
	c.unparsed = append(c.unparsed, rest...)
}

// send writes l.out and does what comes after it, now or when it can.
func (l *loop) send(c *conn, then next) {
	if l.write(c, then) {
		l.proceed(c, then)
	}
}

// write writes l.out. If the client does not take it all, the rest is kept for
// writable, and so is then.
func (l *loop) write(c *conn, then next) bool {
	if len(l.out) == 0 {
		return true
	}
	defer clear(l.out) // a challenge names scopes, which may be anything
	n, err := write(c.fd, l.out)
	if n == len(l.out) {
		return true
	}
	if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		c.after, c.unsent = closeNow, nil
		// The next event, or the deadline, closes it.
	} else {
		c.after = then
		c.unsent = append([]byte(nil), l.out[max(n, 0):]...)
	}
	l.blocked.add(&c.wait, l.clock+int64(l.server.options.HeadTimeout))
	l.watchFor(c, unix.EPOLLOUT)
	return false
}

// writable goes on with a response that the client had not taken.
func (l *loop) writable(c *conn) {
	if len(c.unsent) > 0 {
		n, err := write(c.fd, c.unsent)
		if err != nil {
			if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
				l.close(c)
			}
			return
		}
		clear(c.unsent[:n])
		if c.unsent = c.unsent[n:]; len(c.unsent) > 0 {
			return
		}
	}
	then := c.after
	c.unsent, c.after = nil, readMore
	if then == closeNow {
		l.close(c)
		return
	}
	if l.watchFor(c, unix.EPOLLIN); l.conns[c.fd] != c {
		return
	}
	if then == callAgain {
		l.answer(c, copy(l.in, c.unparsed))
		return
	}
	l.proceed(c, then)
}

// proceed does what comes after the responses are written.
func (l *loop) proceed(c *conn, then next) {
	switch then {
	case closeNow:
		l.close(c)
	case closeLastly:
		l.linger(c)
	default:
		l.await(c)
	}
}

// await sets the deadline for what comes next: the rest of a request that has
// begun, counted from its beginning, or another one.
func (l *loop) await(c *conn) {
	if c.exchange.partial(len(c.unparsed)) {
		if c.wait.list != &l.heads {
			l.heads.add(&c.wait, l.clock+int64(l.server.options.HeadTimeout))
		}
		return
	}
	timeout := l.server.options.IdleTimeout
	if l.draining {
		timeout = min(timeout, drainGrace)
	}
	l.idle.add(&c.wait, l.clock+int64(timeout))
}

// linger closes the sending side and reads on for a while: if bytes came in on
// a closed socket, the kernel would send a reset, and the client might never
// see its response (RFC 9112 §9.6).
func (l *loop) linger(c *conn) {
	if err := unix.Shutdown(c.fd, unix.SHUT_WR); err != nil {
		l.close(c)
		return
	}
	clear(c.unparsed)
	c.unparsed = nil
	c.lingers = true
	l.lingers.add(&c.wait, l.clock+int64(min(lingerTime, l.server.options.HeadTimeout)))
	l.discard(c)
}

// discard reads and forgets.
func (l *loop) discard(c *conn) {
	n, err := read(c.fd, l.in)
	core.Wipe(l.in[:max(n, 0)])
	if n == 0 || err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		l.close(c)
	}
}

func (l *loop) close(c *conn) {
	c.wait.remove()
	clear(c.unparsed)
	clear(c.unsent)
	l.conns[c.fd] = nil
	l.open--
	l.server.connections.Add(-1)
	unix.Close(c.fd)
}
