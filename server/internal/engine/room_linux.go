package engine

import (
	"math"
	"sync"
	"sync/atomic"
)

// overshoot is how many connections may exceed the limit while other loops close
// those that make room.
func (l *loop[S]) overshoot() int64 {
	return int64(min(eventBatch, 1+l.engine.options.MaxConnections/8))
}

// requests are what other loops ask of a loop, and what it tells them.
type requests[S any] struct {
	oldestIdle atomic.Int64 // when its longest idle connection would be closed
	evictions  atomic.Int32 // how many idle connections it is asked to close

	mu     sync.Mutex
	giveUp []*conn[S] // those asked to give up what they hold
}

// publishIdle tells the other loops how long this one's connections have been
// idle.
func (l *loop[S]) publishIdle() {
	oldest := int64(math.MaxInt64)
	if l.idle.first != nil {
		oldest = l.idle.first.of.deadline
	}
	if l.requests.oldestIdle.Load() != oldest {
		l.requests.oldestIdle.Store(oldest)
	}
}

// makeRoom closes the connection that has been idle longest, even if it belongs to
// another loop. It returns false if it cannot make room. beyond is by how many
// connections the limit is exceeded.
func (l *loop[S]) makeRoom(beyond int64) bool {
	l.publishIdle()
	oldest := l
	for _, other := range *l.others {
		if other.requests.oldestIdle.Load() < oldest.requests.oldestIdle.Load() {
			oldest = other
		}
	}
	if oldest == l {
		return l.makeRoomHere()
	}
	if beyond > l.overshoot() {
		return false
	}
	oldest.requests.evictions.Add(1)
	oldest.wakeUp()
	return true
}

// makeRoomHere closes one connection of this loop, if it can: the one that has
// been idle longest. If all are busy, it closes the one that has kept the loop
// waiting longest, for the end of its message or for its client to read a response.
// An honest client's messages are complete within moments.
func (l *loop[S]) makeRoomHere() bool {
	for _, list := range []*list[*conn[S]]{&l.idle, &l.lingers, &l.skipping, &l.begun, &l.blocked} {
		// A connection that has just sent something is not idle.
		for looks := 0; list.first != nil && looks < acceptBatch; looks++ {
			c := list.first.of
			still := l.stillWaits(c)
			if still {
				switch list {
				case &l.begun:
					l.refuse(c, Crowded)
				case &l.skipping:
					l.giveUpOn(c)
				}
				if l.conn(c.fd) == c {
					l.close(c)
				}
			}
			if l.conn(c.fd) != c {
				return true
			}
		}
	}
	return false
}

// giveUp asks the connection's loop to refuse its message.
func (c *conn[S]) giveUp() {
	r := &c.loop.requests
	r.mu.Lock()
	r.giveUp = append(r.giveUp, c)
	r.mu.Unlock()
	c.loop.wakeUp()
}

// heedRequests does what the other loops asked for.
func (l *loop[S]) heedRequests() {
	for range l.requests.evictions.Swap(0) {
		if l.idle.first == nil || !l.makeRoomHere() {
			break
		}
	}
	l.requests.mu.Lock()
	conns := l.requests.giveUp
	l.requests.giveUp = nil
	l.requests.mu.Unlock()
	for _, c := range conns {
		switch {
		case l.conn(c.fd) != c: // it has ended
		case c.wait.list == &l.begun:
			l.refuse(c, Crowded)
		case c.wait.list == &l.skipping:
			l.giveUpOn(c)
		case c.wait.list == &l.blocked:
			l.close(c)
		}
	}
}

// account notes what a connection holds, and ensures that all connections together
// do not hold too much.
func (l *loop[S]) account(c *conn[S]) {
	l.accountBytes(c, cap(c.unparsed)+cap(c.unsent))
}

func (l *loop[S]) accountBytes(c *conn[S], bytes int) {
	if bytes == int(c.accounted) {
		return
	}
	if c.holding == nil {
		c.holding, c.hasHeld = new(holding), true
	}
	c.accounted = int32(bytes)
	over := l.engine.held.set(c.holding, c, int64(bytes))
	if bytes == 0 {
		c.holding = nil
	}
	if over {
		l.engine.noteHeldLimit()
		l.engine.held.relieve()
	}
}
