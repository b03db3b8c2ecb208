package server

import (
	"errors"
	"math/bits"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// conn is one connection of a loop. While it is idle it holds no buffer.
type conn struct {
	fd         int
	loop       *loop
	generation int32 // distinguishes it from others that had its descriptor
	exchange   http1.Exchange
	unparsed   []byte // an incomplete request, or bytes that could not be answered yet
	unsent     []byte // responses that the client has not taken
	after      next   // what follows once unsent is gone
	lingers    bool
	watched    bool     // by the loop's poll
	accounted  int32    // the number of bytes that holding has
	holding    *holding // nil while the connection holds nothing
	wait       waiting
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
	n, err := read(c.fd, l.in[held:max(http1.MaxHead, held+1)])
	switch {
	case n > 0:
		l.answer(c, held+n, false)
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		core.Wipe(l.in[:held])
	case c.exchange.HeadLength() > 0: // the client will not send the rest of the body
		l.answer(c, held, true)
	default: // the client is gone, or has nothing more to say
		core.Wipe(l.in[:held])
		l.close(c)
	}
}

// maxBodyReads is how many times one wake-up reads more of a body. The largest
// body that is discarded takes three reads if all of it has arrived.
const maxBodyReads = 4

// answer answers the requests in l.in[:n], which it wipes. last is as for
// worker.advance.
func (l *loop) answer(c *conn, n int, last bool) {
	filled := n // how much of l.in has been in use
	defer func() { core.Wipe(l.in[:filled]) }()
	consumed, then, reads := 0, callAgain, 0
	for then == callAgain || then == readBody {
		var used int
		used, l.out, then = l.worker.advance(&c.exchange, l.in[consumed:n], l.out[:0], c, last, l.draining)
		consumed += used
		if len(l.out) > 0 {
			c.wait.remove() // what has begun is another request, with its own time
		}
		if then == readBody { // the body is discarded, so there is room for more of it
			n = copy(l.in, l.in[consumed:consumed+c.exchange.HeadLength()])
			consumed = 0
		}
		if then != callAgain && then != readBody {
			break
		}
		if !l.write(c, callAgain) {
			if l.conn(c.fd) == c {
				l.hold(c, consumed, n)
			}
			return
		}
		if then != readBody {
			continue
		}
		if reads++; reads > maxBodyReads {
			then = readMore // it is the others' turn, and the kernel tells of the rest again
			break
		}
		more, err := read(c.fd, l.in[n:])
		switch {
		case more > 0:
			n += more
			filled = max(filled, n)
		case errors.Is(err, unix.EAGAIN) && c.exchange.BodyBegun():
			// The body has begun to arrive, so the proxy did not just announce it.
			then = readMore
		default:
			last = true
		}
	}
	l.hold(c, consumed, n)
	l.send(c, then)
}

// hold keeps l.in[consumed:n] for later and nothing else of the request.
func (l *loop) hold(c *conn, consumed, n int) {
	rest := l.in[consumed:n]
	clear(c.unparsed)
	c.unparsed = c.unparsed[:0]
	switch {
	case len(rest) == 0:
		c.unparsed = nil
	case cap(c.unparsed) < len(rest):
		// By powers of two: a request that arrives byte by byte is copied only a
		// few times.
		c.unparsed = make([]byte, 0, max(1<<bits.Len(uint(len(rest)-1)), 256))
	}
	c.unparsed = append(c.unparsed, rest...)
	if c.wait.list == nil && c.accounted > 0 { // what is held belongs to a younger request
		l.accountBytes(c, 0)
	}
	l.account(c)
}

// send writes l.out and does what comes after it, now or when it can.
func (l *loop) send(c *conn, then next) {
	if l.write(c, then) {
		l.proceed(c, then)
	}
}

// write writes l.out and empties it. If the client does not take it all, write
// keeps the rest, and then, for writable.
func (l *loop) write(c *conn, then next) bool {
	if len(l.out) == 0 {
		return true
	}
	out := l.out
	l.out = l.out[:0]
	defer clear(out) // a challenge names scopes, which may be anything
	n, err := write(c.fd, out)
	if n == len(out) {
		return true
	}
	if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		c.after, c.unsent = closeNow, nil
		// The next event, or the deadline, closes it.
	} else {
		c.after = then
		c.unsent = append([]byte(nil), out[max(n, 0):]...)
	}
	l.blocked.add(&c.wait, l.clock+int64(l.server.options.HeadTimeout))
	l.account(c)
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
	l.account(c)
	if then == closeNow {
		l.close(c)
		return
	}
	if l.watchFor(c, unix.EPOLLIN); l.conns[c.fd] != c {
		return
	}
	if then == callAgain {
		l.answer(c, copy(l.in, c.unparsed), false)
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
	options := &l.server.options
	switch {
	case c.exchange.HeadLength() > 0:
		l.awaitIn(&l.bodies, c, min(bodyGrace, options.HeadTimeout))
	case len(c.unparsed) > 0:
		l.awaitIn(&l.heads, c, options.HeadTimeout)
	default:
		timeout := options.IdleTimeout
		if l.draining {
			timeout = min(timeout, drainGrace)
		}
		l.idle.add(&c.wait, l.clock+int64(timeout))
	}
}

// awaitIn does not move a connection that is already in the list.
func (l *loop) awaitIn(list *deadlineList, c *conn, timeout time.Duration) {
	if c.wait.list != list {
		list.add(&c.wait, l.clock+int64(timeout))
	}
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
	l.account(c)
	c.lingers = true
	l.lingers.add(&c.wait, l.clock+int64(min(lingerTime, l.server.options.HeadTimeout)))
	l.discard(c)
}

// discard reads and forgets.
func (l *loop) discard(c *conn) {
	n, err := read(c.fd, l.in[:http1.MaxHead])
	core.Wipe(l.in[:max(n, 0)])
	if n == 0 || err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		l.close(c)
	}
}

func (l *loop) close(c *conn) {
	c.wait.remove()
	clear(c.unparsed)
	clear(c.unsent)
	c.unparsed, c.unsent = nil, nil
	l.account(c)
	l.conns[c.fd] = nil
	l.open--
	l.server.connections.Add(-1)
	unix.Close(c.fd)
}
