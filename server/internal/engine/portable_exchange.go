package server

import (
	"errors"
	"os"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/undisturbed"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// portableExchange is what a portableConn's goroutine works with.
type portableExchange struct {
	conn   *portableConn
	worker worker
	http1.Exchange
	buffer   []byte // its first held bytes are not consumed yet
	held     int
	out      []byte
	deadline time.Time
	waits    portableWait
}

// portableWait is what a connection waits for.
type portableWait uint8

const (
	forRequest portableWait = iota
	forHead                 // the rest of a request's head
	forBody                 // a body, if it has already arrived
	forRest                 // the rest of a body
)

// run answers requests until the connection is to be closed.
func (x *portableExchange) run() {
	options := &x.conn.engine.server.options
	x.deadline = time.Now().Add(options.IdleTimeout)
	for {
		n, late, err := x.conn.read(x.buffer[x.held:], x.deadline, x.waits == forRequest)
		ended := n == 0 && err != nil
		if ended && (x.waits == forRequest || x.waits == forHead) {
			x.end(err)
			return
		}
		// One look is enough, unless it found more than there was room for. Every
		// further look might find what has arrived since.
		late = late && x.held+n < len(x.buffer)
		last := ended || late && x.waits == forRest // its request is complete but for that
		if x.waits == forRequest {
			x.conn.lockedSetIdle(false)
		}
		x.worker.setTime(options.Now())
		answered, ok := x.answer(x.held+n, last)
		if !ok {
			return
		}
		if late && !answered && x.waits == forHead && x.HeadLength() == 0 {
			x.end(os.ErrDeadlineExceeded)
			return
		}
		x.await(answered)
	}
}

// end answers a request that is not complete, if there is one.
func (x *portableExchange) end(err error) {
	if x.waits != forHead || !errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	reason := requestTimeout
	if x.conn.refused.Load() {
		reason = overloaded
	}
	x.worker.setTime(x.conn.engine.server.options.Now())
	x.finish(x.worker.refuse(x.out[:0], reason))
}

// answer answers the requests in buffer[:total] and keeps the rest. It reports
// whether there were any, and whether the connection goes on.
func (x *portableExchange) answer(total int, last bool) (answered, ok bool) {
	consumed, then := 0, callAgain
	for then == callAgain {
		var used int
		lastOne := x.conn.engine.draining.Load() || x.conn.leaves.Load()
		undisturbed.Uninterrupted(func() {
			used, x.out, then = x.worker.advance(&x.Exchange, x.buffer[consumed:total], x.out[:0], x.conn, last, lastOne)
			core.Wipe(nil) // the registers
		})
		consumed += used
		if then == closeLastly {
			core.Wipe(x.buffer[:total])
			x.finish(x.out)
			return true, false
		}
		if len(x.out) > 0 {
			answered = true
			if !x.write(total - consumed) {
				return true, false
			}
		}
		if then == closeNow {
			return true, false
		}
	}
	end := total
	if then == readBody {
		end = consumed + x.HeadLength() // the body is discarded
	}
	undisturbed.Uninterrupted(func() {
		x.held = copy(x.buffer, x.buffer[consumed:end])
		core.Wipe(x.buffer[x.held:total])
	})
	return answered, true
}

// write writes out. If the client does not read, write waits, with rest bytes not
// answered yet. If rest is 0, the connection counts as idle before the client sees
// the response, so a client can rely on the order in which connections make room.
func (x *portableExchange) write(rest int) bool {
	if rest > 0 {
		x.conn.hold(len(x.buffer) + cap(x.out))
	} else {
		x.conn.lockedSetIdle(true)
	}
	_ = x.conn.SetWriteDeadline(time.Now().Add(x.conn.engine.server.options.HeadTimeout))
	_, err := x.conn.Write(x.out)
	clear(x.out)
	return err == nil
}

// await sets the deadline for what comes next: the rest of a request that has
// begun, counted from its beginning, or another one.
func (x *portableExchange) await(answered bool) {
	options := &x.conn.engine.server.options
	waits, timeout := forRequest, options.IdleTimeout
	switch {
	case x.HeadLength() > 0 && x.BodyBegun():
		waits, timeout = forRest, min(bodyGrace, options.HeadTimeout)
	case x.HeadLength() > 0: // do not wait for a body that has not arrived
		waits, timeout = forBody, 0
	case x.held > 0:
		waits, timeout = forHead, options.HeadTimeout
	}
	if waits != x.waits || answered || waits == forRequest { // each request has its own time
		x.deadline = time.Now().Add(timeout)
	}
	x.waits = waits
	if waits == forRequest {
		x.shrink()
		x.conn.hold(0)
		return
	}
	// A body is discarded as it arrives. It needs room, or each byte costs a read.
	if x.held == len(x.buffer) || x.HeadLength() > 0 && x.held > len(x.buffer)/2 {
		x.resize(min(2*len(x.buffer), 2*http1.MaxHead))
	}
	if answered { // what is held belongs to a younger request
		x.conn.hold(0)
	}
	x.conn.hold(len(x.buffer))
}

// shrink gives back what an idle connection does not need.
func (x *portableExchange) shrink() {
	if len(x.buffer) > usualBuffer {
		x.resize(usualBuffer)
	}
	if cap(x.out) > usualBuffer {
		x.out = nil
	}
}

// resize moves the held bytes to a buffer of another size and wipes the old one.
func (x *portableExchange) resize(size int) {
	other := make([]byte, size)
	copy(other, x.buffer[:x.held])
	core.Wipe(x.buffer)
	x.buffer = other
}

// finish writes the last response and keeps reading for a while before the
// connection is closed; see loop.linger.
func (x *portableExchange) finish(out []byte) {
	defer clear(out)
	c := x.conn
	_ = c.SetDeadline(time.Now().Add(min(lingerTime, c.engine.server.options.HeadTimeout)))
	_, err := c.Write(out)
	clear(out) // a challenge names scopes, which may be anything
	if err != nil {
		return
	}
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	discard := make([]byte, usualBuffer)
	defer core.Wipe(discard)
	c.hold(len(x.buffer) + len(discard)) // so that it can make room
	for {
		if _, err := c.Read(discard); err != nil {
			return
		}
		core.Wipe(discard)
	}
}
