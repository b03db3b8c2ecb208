package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// One loop answers faster than two that take turns on the same processors with
// a proxy: it finds more requests at each wake-up. So the first loop takes all
// connections until it is busy most of the time, and then gives half of them,
// and a share of the new ones, to a loop that is not.
const (
	balanceWindow = 100 * time.Millisecond
	busyShare     = 0.75 // of a processor, from which on a loop seeks relief
	spareShare    = 0.40 // of a processor, up to which a loop can give it
)

// balance is how busy a loop is, and what other loops hand it.
type balance[S any] struct {
	windowEnd     int64
	processorTime time.Duration // at the start of the window
	share         atomic.Uint32 // of a processor in the last window, in thousandths

	mu     sync.Mutex
	handed []*conn[S]
	accept bool // asked to take new connections as well
	closed bool // the loop has ended and takes nothing
}

// measure finds out, once in a window, how busy the loop is. Processor time
// tells, not the time since the loop woke: on a crowded machine most of that
// goes by while others run, and a second loop would only wait beside the first.
func (l *loop[S]) measure() {
	b := &l.balance
	if l.clock < b.windowEnd {
		return
	}
	used := threadTime()
	window := l.clock - b.windowEnd + int64(balanceWindow)
	share := float64(used-b.processorTime) / float64(window)
	b.share.Store(uint32(1000 * max(share, 0)))
	b.windowEnd, b.processorTime = l.clock+int64(balanceWindow), used
	if share >= busyShare && !l.draining {
		l.seekRelief()
	}
}

// threadTime is the processor time that the calling thread has used.
func threadTime() time.Duration {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// seekRelief hands every second idle connection to the loop with the most time
// to spare, if there is one. A connection that waits for anything else stays,
// because only this loop knows what it waits for.
func (l *loop[S]) seekRelief() {
	var relief *loop[S]
	least := uint32(1000 * spareShare)
	for _, other := range *l.others {
		if share := other.balance.share.Load(); other != l && share < least {
			relief, least = other, share
		}
	}
	if relief == nil {
		return
	}
	if handed := l.everySecondIdle(); !relief.take(handed) {
		l.adopt(handed)
	}
}

// everySecondIdle takes connections out of the loop, in the order of their
// deadlines.
func (l *loop[S]) everySecondIdle() (handed []*conn[S]) {
	hand := false
	for w := l.idle.first; w != nil; hand = !hand {
		c := w.of
		w = w.next
		if !hand || l.unwatch(c.fd) != nil {
			continue
		}
		c.wait.remove() // it keeps its deadline
		c.watched = false
		l.conns[c.fd] = nil
		l.open--
		handed = append(handed, c)
	}
	return handed
}

// take hands connections, and a share of the new ones, to the loop; any
// goroutine may call it. It returns false if the loop has ended.
func (l *loop[S]) take(handed []*conn[S]) bool {
	b := &l.balance
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.handed = append(b.handed, handed...)
	b.accept = true
	b.share.Store(1000) // until its next window tells
	l.wakeUp()
	return true
}

// takeOver does what take asked for.
func (l *loop[S]) takeOver() {
	b := &l.balance
	b.mu.Lock()
	handed, accept := b.handed, b.accept
	b.handed, b.accept = nil, false
	b.mu.Unlock()
	l.adopt(handed)
	if accept && !l.draining {
		l.startAccepting()
	}
}

// adopt takes over handed connections. They are idle, in the order of their
// deadlines, and keep these. It takes time in proportion to the number of idle
// connections.
func (l *loop[S]) adopt(handed []*conn[S]) {
	at := l.idle.first
	for _, c := range handed {
		for at != nil && at.of.deadline <= c.deadline {
			at = at.next
		}
		l.idle.insert(&c.wait, at)
		l.place(c)
		if l.draining {
			c.deadline = min(c.deadline, l.clock+int64(drainGrace))
		}
		l.watchFor(c, unix.EPOLLIN)
	}
}

// end is the last thing that a loop does; true if it may end.
func (b *balance[S]) end() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = len(b.handed) == 0
	return b.closed
}
