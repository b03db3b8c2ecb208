package engine

import (
	"errors"
	"math/bits"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/internal/secret"
)

// conn is one connection of a loop. While it is idle it holds no buffer.
type conn[S any] struct {
	Conn[S]
	fd         int
	loop       *loop[S]
	generation int32  // distinguishes it from others that had its descriptor
	kept       int32  // what Result.Keep was, while the connection skips
	unparsed   []byte // an incomplete message, or bytes that could not be answered yet
	unsent     []byte // responses that the client has not taken
	after      Next   // what follows once unsent is gone
	skipped    bool   // some of what is to be skipped has arrived
	lingers    bool
	watched    bool     // by the loop's poll
	drained    bool     // the last read found all that had arrived
	hasHeld    bool     // it has had a holding
	accounted  int32    // the number of bytes that holding has
	holding    *holding // nil while the connection holds nothing
	deadline   int64    // nanoseconds, on the engine's clock
	wait       element[*conn[S]]
}

// address is the other end's, or nothing for a unix socket.
func (c *conn[S]) address() string {
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

// receive reads what has arrived, and notes whether that was all of it. The end of
// what the client sends, or an error, counts as more: it is to be reported again.
func (c *conn[S]) receive(b []byte) (int, error) {
	n, err := receive(c.fd, b)
	c.drained = 0 < n && n < len(b) || errors.Is(err, unix.EAGAIN)
	return n, err
}

// readable reads what has arrived and answers it. It returns false if nothing has.
func (l *loop[S]) readable(c *conn[S]) bool {
	if c.lingers {
		l.discard(c)
		return true
	}
	held := copy(l.in, c.unparsed)
	n, err := c.receive(l.in[held:max(l.engine.options.MaxMessage, held+1)])
	switch {
	case n > 0:
		l.answer(c, held+n, Data)
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		secret.Wipe(l.in[:held])
		return false
	case c.kept > 0: // the client will not send the rest
		l.answer(c, held, Ended)
	default: // the client is gone, or has nothing more to say
		secret.Wipe(l.in[:held])
		l.close(c)
	}
	return true
}

// maxSkipReads is how many times one wake-up reads more of what is skipped. 64 KiB
// take three reads if all of them have arrived.
const maxSkipReads = 4

// answer answers the messages in l.in[:n], which it wipes. what is Data or Ended.
func (l *loop[S]) answer(c *conn[S], n int, what Kind) {
	l.balance.window.answers++
	filled := n // how much of l.in has been in use
	defer func() { secret.Wipe(l.in[:filled]) }()
	consumed, then, reads := 0, Again, 0
	for then == Again || then == Skip {
		r := l.respond(Event{what, l.draining}, &c.Conn, l.in[consumed:n], l.out[:0])
		consumed += r.Consumed
		l.out, then = r.Out, r.Next
		if len(l.out) > 0 {
			c.wait.remove() // what has begun is another message, with its own time
		}
		c.noteSkip(r, n-consumed)
		if then == Skip { // there is room for more of what is skipped
			n = copy(l.in, l.in[consumed:consumed+r.Keep])
			consumed = 0
		}
		if then != Again && then != Skip {
			break
		}
		if !l.write(c, Again) {
			if l.conn(c.fd) == c {
				l.hold(c, consumed, n)
			}
			return
		}
		if then != Skip {
			continue
		}
		if reads++; reads > maxSkipReads {
			then = Read // it is the others' turn, and the kernel tells of the rest again
			break
		}
		more, err := c.receive(l.in[n:])
		switch {
		case more > 0:
			n += more
			filled = max(filled, n)
		case errors.Is(err, unix.EAGAIN) && c.skipped:
			// It has begun to arrive, so the client did not just announce it.
			then = Read
		default:
			what = Ended
		}
	}
	l.hold(c, consumed, n)
	l.send(c, then)
}

// noteSkip notes what the connection keeps and skips, there being rest bytes behind
// the consumed ones.
func (c *conn[S]) noteSkip(r Result, rest int) {
	if r.Consumed > 0 || r.Next != Skip { // another message
		c.kept, c.skipped = 0, false
	}
	if r.Next == Skip {
		c.kept = int32(r.Keep)
		c.skipped = c.skipped || rest > r.Keep
	}
}

// hold keeps l.in[consumed:n] for later and nothing else of the message.
func (l *loop[S]) hold(c *conn[S], consumed, n int) {
	rest := l.in[consumed:n]
	clear(c.unparsed)
	c.unparsed = c.unparsed[:0]
	switch {
	case len(rest) == 0:
		c.unparsed = nil
	case cap(c.unparsed) < len(rest):
		// By powers of two: a message that arrives byte by byte is copied only a
		// few times.
		c.unparsed = make([]byte, 0, max(1<<bits.Len(uint(len(rest)-1)), 256))
	}
	c.unparsed = append(c.unparsed, rest...)
	if c.wait.list == nil && c.accounted > 0 { // what is held belongs to a younger message
		l.accountBytes(c, 0)
	}
	l.account(c)
}

// send writes l.out and does what comes after it, now or when it can.
func (l *loop[S]) send(c *conn[S], then Next) {
	if l.write(c, then) {
		l.proceed(c, then)
	}
}

// write writes l.out and empties it. If the client does not take it all, write
// keeps the rest, and then, for writable.
func (l *loop[S]) write(c *conn[S], then Next) bool {
	if len(l.out) == 0 {
		return true
	}
	out := l.out
	l.out = l.out[:0]
	defer clear(out) // it may have come from a client
	n, err := send(c.fd, out, l.endFollows(c, then))
	if n == len(out) {
		return true
	}
	if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		c.after, c.unsent = CloseNow, nil
		// The next event, or the deadline, closes it.
	} else {
		c.after = then
		c.unsent = append([]byte(nil), out[max(n, 0):]...)
	}
	l.waitIn(&l.blocked, c, l.engine.options.MessageTimeout)
	l.account(c)
	l.watchFor(c, toWrite)
	return false
}

// endFollows reports whether the end can go out together with a response. A close after
// which bytes of the client are left unread would make the kernel forget the response.
// The client may have sent more if it does not know that its connection ends.
func (l *loop[S]) endFollows(c *conn[S], then Next) bool {
	return then == CloseLastly || then == CloseNow && c.drained && !l.draining
}

// writable goes on with a response that the client had not taken.
func (l *loop[S]) writable(c *conn[S]) {
	if len(c.unsent) > 0 {
		n, err := send(c.fd, c.unsent, false)
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
	c.unsent, c.after = nil, Read
	l.account(c)
	if then == CloseNow {
		l.close(c)
		return
	}
	if l.watchFor(c, toRead); l.conn(c.fd) != c {
		return
	}
	if then == Again {
		l.answer(c, copy(l.in, c.unparsed), Data)
		return
	}
	l.proceed(c, then)
}

// proceed does what comes after the responses are written.
func (l *loop[S]) proceed(c *conn[S], then Next) {
	switch then {
	case CloseNow:
		l.close(c)
	case CloseLastly:
		l.linger(c)
	default:
		l.await(c)
	}
}

// await sets the deadline for what comes next: the rest of a message that has
// begun, counted from its beginning, or another one.
func (l *loop[S]) await(c *conn[S]) {
	options := &l.engine.options
	switch {
	case c.kept > 0:
		l.goOnIn(&l.skipping, c, min(skipGrace, options.MessageTimeout))
	case len(c.unparsed) > 0:
		l.goOnIn(&l.begun, c, options.MessageTimeout)
	default:
		timeout := options.IdleTimeout
		if l.draining {
			timeout = min(timeout, drainGrace)
		}
		l.waitIn(&l.idle, c, timeout)
	}
}

// waitIn moves c to the end of the list. All connections of a list wait equally long,
// so the one with the first deadline is always the first.
func (l *loop[S]) waitIn(list *list[*conn[S]], c *conn[S], timeout time.Duration) {
	c.wait.remove()
	c.deadline = l.clock + int64(timeout)
	list.append(&c.wait)
}

// goOnIn is waitIn for what may have begun already: it does not move a connection
// that is in the list.
func (l *loop[S]) goOnIn(list *list[*conn[S]], c *conn[S], timeout time.Duration) {
	if c.wait.list != list {
		l.waitIn(list, c, timeout)
	}
}

// linger closes the sending side and reads on for a while: see CloseLastly.
func (l *loop[S]) linger(c *conn[S]) {
	if err := unix.Shutdown(c.fd, unix.SHUT_WR); err != nil {
		l.close(c)
		return
	}
	clear(c.unparsed)
	c.unparsed = nil
	l.account(c)
	c.lingers = true
	l.waitIn(&l.lingers, c, min(lingerTime, l.engine.options.MessageTimeout))
	l.discard(c)
}

// discard reads and forgets.
func (l *loop[S]) discard(c *conn[S]) {
	n, err := c.receive(l.in[:l.engine.options.MaxMessage])
	secret.Wipe(l.in[:max(n, 0)])
	if n == 0 || err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		l.close(c)
	}
}

// maxSpareConns is how many records of ended connections a loop keeps to use again.
// Where each request has a connection of its own, they keep the garbage collector from
// running several times a second.
const maxSpareConns = 64

// newConn returns the record of a new connection.
func (l *loop[S]) newConn(fd int) *conn[S] {
	var c *conn[S]
	if last := len(l.spareConns) - 1; last >= 0 {
		c, l.spareConns = l.spareConns[last], l.spareConns[:last]
	} else {
		c = new(conn[S])
	}
	c.fd, c.peer, c.wait.of = fd, c, c
	return c
}

// recycle keeps the record of a connection that has ended. Nobody else may know it: one
// that ever held bytes may be on its way to be given up (see giveUp).
func (l *loop[S]) recycle(c *conn[S]) {
	if !c.hasHeld && len(l.spareConns) < maxSpareConns {
		*c = conn[S]{fd: -1}
		l.spareConns = append(l.spareConns, c)
	}
}

func (l *loop[S]) close(c *conn[S]) {
	c.wait.remove()
	clear(c.unparsed)
	clear(c.unsent)
	c.unparsed, c.unsent = nil, nil
	l.account(c)
	l.conns[c.fd] = nil
	l.open--
	l.engine.connections.Add(-1)
	closeSocket(c.fd)
	l.recycle(c)
}
