package server

import (
	"math"
	"sync"
	"sync/atomic"
)

// overshoot is how many connections may exceed the limit while other loops close
// those that make room.
func (l *loop) overshoot() int64 {
	return int64(min(eventBatch, 1+l.server.options.MaxConnections/8))
}

// requests are what other loops ask of a loop, and what it tells them.
type requests struct {
	oldestIdle atomic.Int64 // when its longest idle connection would be closed
	evictions  atomic.Int32 // how many idle connections it is asked to close

	mu     sync.Mutex
	giveUp []*conn // those asked to give up what they hold
}

// publishIdle tells the other loops how long this one's connections have been
// idle.
func (l *loop) publishIdle() {
	oldest := int64(math.MaxInt64)
	if l.idle.first != nil {
		oldest = l.idle.first.deadline
	}
	if l.requests.oldestIdle.Load() != oldest {
		l.requests.oldestIdle.Store(oldest)
	}
}

// makeRoom closes the connection that has been idle longest, even if it belongs to
// another loop. It returns false if it cannot make room. beyond is by how many
// connections the limit is exceeded.
func (l *loop) makeRoom(beyond int64) bool {
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
// waiting longest, for the end of its request or for its client to read a response.
// A proxy's own requests are complete within moments.
func (l *loop) makeRoomHere() bool {
	for _, list := range []*deadlineList{&l.idle, &l.lingers, &l.bodies, &l.heads, &l.blocked} {
		// A connection that has just sent something is not idle.
		for looks := 0; list.first != nil && looks < acceptBatch; looks++ {
			c := list.first.conn
			still := l.stillWaits(c)
			if still {
				switch list {
				case &l.heads:
					l.refuse(c, overloaded)
				case &l.bodies:
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

// giveUp asks the connection's loop to refuse its request.
func (c *conn) giveUp() {
	r := &c.loop.requests
	r.mu.Lock()
	r.giveUp = append(r.giveUp, c)
	r.mu.Unlock()
	c.loop.wakeUp()
}

// heedRequests does what the other loops asked for.
func (l *loop) heedRequests() {
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
		case c.wait.list == &l.heads:
			l.refuse(c, overloaded)
		case c.wait.list == &l.bodies:
			l.giveUpOn(c)
		case c.wait.list == &l.blocked:
			l.close(c)
		}
	}
}

// account notes what a connection holds, and ensures that all connections together
// do not hold too much.
func (l *loop) account(c *conn) {
	l.accountBytes(c, cap(c.unparsed)+cap(c.unsent))
}

func (l *loop) accountBytes(c *conn, bytes int) {
	if bytes == int(c.accounted) {
		return
	}
	if c.holding == nil {
		c.holding = new(holding)
	}
	c.accounted = int32(bytes)
	over := l.server.held.set(c.holding, c, int64(bytes))
	if bytes == 0 {
		c.holding = nil
	}
	if over {
		l.server.noteHeldLimit()
		l.server.held.relieve()
	}
}
