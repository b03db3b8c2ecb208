package engine

import (
	"errors"
	"os"
	"time"

	"github.com/concrete-security/auth-service/internal/secret"
)

// portableExchange is what a portableConn's goroutine works with.
type portableExchange[S any] struct {
	Conn[S]
	conn     *portableConn[S]
	respond  Respond[S]
	buffer   []byte // its first held bytes are not consumed yet
	held     int
	kept     int  // what Result.Keep was, while the connection skips
	skipped  bool // some of what is to be skipped has arrived
	out      []byte
	deadline time.Time
	waits    portableWait
}

// portableWait is what a connection waits for.
type portableWait uint8

const (
	forMessage  portableWait = iota
	forMore                  // the rest of a message
	forSkipped               // what is skipped, if it has already arrived
	forLeftover              // the rest of what is skipped
)

// run answers messages until the connection is to be closed.
func (x *portableExchange[S]) run() {
	options := &x.conn.portable.engine.options
	x.deadline = time.Now().Add(options.IdleTimeout)
	for {
		n, late, err := x.conn.read(x.buffer[x.held:], x.deadline, x.waits == forMessage)
		ended := n == 0 && err != nil
		if ended && (x.waits == forMessage || x.waits == forMore) {
			x.end(err)
			return
		}
		// One look is enough, unless it found more than there was room for. Every
		// further look might find what has arrived since.
		late = late && x.held+n < len(x.buffer)
		last := ended || late && x.waits == forLeftover // the message is complete but for that
		if x.waits == forMessage {
			x.conn.lockedSetIdle(false)
		}
		what := Data
		if last {
			what = Ended
		}
		x.respond(Event{Kind: Tick}, nil, nil, nil)
		answered, ok := x.answer(x.held+n, what)
		if !ok {
			return
		}
		if late && !answered && x.waits == forMore && x.kept == 0 {
			x.end(os.ErrDeadlineExceeded)
			return
		}
		x.await(answered)
	}
}

// end answers a message that is not complete, if there is one.
func (x *portableExchange[S]) end(err error) {
	if x.waits != forMore || !errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	why := Late
	if x.conn.refused.Load() {
		why = Crowded
	}
	x.respond(Event{Kind: Tick}, nil, nil, nil)
	x.finish(x.respond(Event{why, x.isLast()}, &x.Conn, nil, x.out[:0]).Out)
}

// isLast reports whether the connection ends with its next response.
func (x *portableExchange[S]) isLast() bool {
	return x.conn.portable.draining.Load() || x.conn.leaves.Load()
}

// answer answers the messages in buffer[:total] and keeps the rest. It reports
// whether there were any, and whether the connection goes on.
func (x *portableExchange[S]) answer(total int, what Kind) (answered, ok bool) {
	consumed, then := 0, Again
	for then == Again {
		var r Result
		e := Event{what, x.isLast()}
		secret.Uninterrupted(func() {
			r = x.respond(e, &x.Conn, x.buffer[consumed:total], x.out[:0])
			secret.Wipe(nil) // the registers
		})
		consumed += r.Consumed
		x.out, then = r.Out, r.Next
		x.noteSkip(r, total-consumed)
		if then == CloseLastly {
			secret.Wipe(x.buffer[:total])
			x.finish(x.out)
			return true, false
		}
		if len(x.out) > 0 {
			answered = true
			if !x.write(total - consumed) {
				return true, false
			}
		}
		if then == CloseNow {
			return true, false
		}
	}
	end := total
	if then == Skip {
		end = consumed + x.kept // what is behind is discarded
	}
	secret.Uninterrupted(func() {
		x.held = copy(x.buffer, x.buffer[consumed:end])
		secret.Wipe(x.buffer[x.held:total])
	})
	return answered, true
}

// noteSkip notes what the connection keeps and skips, there being rest bytes behind
// the consumed ones.
func (x *portableExchange[S]) noteSkip(r Result, rest int) {
	if r.Consumed > 0 || r.Next != Skip { // another message
		x.kept, x.skipped = 0, false
	}
	if r.Next == Skip {
		x.kept = r.Keep
		x.skipped = x.skipped || rest > r.Keep
	}
}

// write writes out. If the client does not read, write waits, with rest bytes not
// answered yet. If rest is 0, the connection counts as idle before the client sees
// the response, so a client can rely on the order in which connections make room.
func (x *portableExchange[S]) write(rest int) bool {
	if rest > 0 {
		x.conn.hold(len(x.buffer) + cap(x.out))
	} else {
		x.conn.lockedSetIdle(true)
	}
	_ = x.conn.SetWriteDeadline(time.Now().Add(x.conn.portable.engine.options.MessageTimeout))
	_, err := x.conn.Write(x.out)
	clear(x.out)
	return err == nil
}

// await sets the deadline for what comes next: the rest of a message that has
// begun, counted from its beginning, or another one.
func (x *portableExchange[S]) await(answered bool) {
	options := &x.conn.portable.engine.options
	waits, timeout := forMessage, options.IdleTimeout
	switch {
	case x.kept > 0 && x.skipped:
		waits, timeout = forLeftover, min(skipGrace, options.MessageTimeout)
	case x.kept > 0: // do not wait for what has not arrived
		waits, timeout = forSkipped, 0
	case x.held > 0:
		waits, timeout = forMore, options.MessageTimeout
	}
	if waits != x.waits || answered || waits == forMessage { // each message has its own time
		x.deadline = time.Now().Add(timeout)
	}
	x.waits = waits
	if waits == forMessage {
		x.shrink()
		x.conn.hold(0)
		return
	}
	// What is skipped is discarded as it arrives. It needs room, or each byte costs a
	// read.
	if x.held == len(x.buffer) || x.kept > 0 && x.held > len(x.buffer)/2 {
		x.resize(min(2*len(x.buffer), 2*x.conn.portable.engine.options.MaxMessage))
	}
	if answered { // what is held belongs to a younger message
		x.conn.hold(0)
	}
	x.conn.hold(len(x.buffer))
}

// shrink gives back what an idle connection does not need.
func (x *portableExchange[S]) shrink() {
	if len(x.buffer) > usualBuffer {
		x.resize(usualBuffer)
	}
	if cap(x.out) > usualBuffer {
		x.out = nil
	}
}

// resize moves the held bytes to a buffer of another size and wipes the old one.
func (x *portableExchange[S]) resize(size int) {
	other := make([]byte, size)
	copy(other, x.buffer[:x.held])
	secret.Wipe(x.buffer)
	x.buffer = other
}

// finish writes the last response and keeps reading for a while before the
// connection is closed; see CloseLastly.
func (x *portableExchange[S]) finish(out []byte) {
	defer clear(out)
	c := x.conn
	_ = c.SetDeadline(time.Now().Add(min(lingerTime, c.portable.engine.options.MessageTimeout)))
	_, err := c.Write(out)
	clear(out) // it may have come from a client
	if err != nil {
		return
	}
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	discard := make([]byte, usualBuffer)
	defer secret.Wipe(discard)
	c.hold(len(x.buffer) + len(discard)) // so that it can make room
	for {
		if _, err := c.Read(discard); err != nil {
			return
		}
		secret.Wipe(discard)
	}
}
