package engine

import (
	"sync"
	"sync/atomic"
	"time"
)

// One loop answers faster than two that take turns on the same processors with
// a proxy: it finds more requests at each wake-up. So the first loop takes all
// connections until it is busy most of the time and a processor is idle. Then it gives
// half of its connections, and a share of the new ones, to another loop. That loop
// gives them back if they do not gain by it.
const (
	balanceWindow = 100 * time.Millisecond
	busyShare     = 0.75 // of a processor, from which on a loop seeks relief
	spareShare    = 0.40 // of a processor, up to which a loop can give it
	idleShare     = 0.50 // of a processor that nobody used: without it, there is no relief
	crowdedShare  = 0.10 // of the time, for which a loop waits for a processor: relief does harm
	mergeShare    = 0.50 // of a processor, up to which one loop does the work of two

	trial     = 5 * balanceWindow // after which more must be answered than before
	trialGain = 1.05
	// After a trial without a gain, the next comes after a pause, which doubles.
	firstPause = time.Second
	lastPause  = time.Minute
)

// balance is how busy a loop is, what other loops hand it, and whom it relieves.
type balance[S any] struct {
	window    window
	load      load
	schedstat procFile // of the loop's thread

	// What a loop knows that seeks relief.
	idleAt    int64 // when idle was looked at, or 0
	idle      time.Duration
	notBefore int64 // when it may seek relief again
	pause     time.Duration
	inVain    atomic.Bool // relief was no help

	// What a loop knows that gives relief.
	relieves atomic.Pointer[loop[S]] // whom, or nil
	since    int64
	before   float64 // how many answers a second the other gave on its own
	judged   bool    // the trial is over
	retreats bool    // it gives all connections back

	mu     sync.Mutex
	handed []*conn[S]
	accept *loop[S] // who asked to take new connections as well, or nil
	closed bool     // the loop has ended and takes nothing
}

// measure finds out, once in a window, how busy the loop is, and balances. Processor
// time tells, not the time since the loop woke: on a crowded machine most of that
// goes by while others run, and a second loop would only wait beside the first.
func (l *loop[S]) measure() {
	b := &l.balance
	if l.clock < b.window.start+int64(balanceWindow) {
		return
	}
	ran, waited := threadTimes(b.schedstat)
	b.window.close(l.clock, ran, waited, &b.load)
	if l.draining {
		return
	}
	if b.relieves.Load() != nil {
		l.judgeRelief()
	}
	if b.load.busyAt(l.clock) < busyShare {
		b.idleAt = 0
	} else if l.mayGain() {
		l.seekRelief()
	}
}

// mayGain reports whether a processor was idle in the window, and relief is not known
// to be no help. It looks at the processors in two windows that follow each other.
func (l *loop[S]) mayGain() bool {
	b := &l.balance
	if b.inVain.Swap(false) {
		b.pause = min(max(2*b.pause, firstPause), lastPause)
		b.notBefore = l.clock + int64(b.pause)
	}
	if l.clock < b.notBefore || len(*l.others) == 1 {
		return false
	}
	if l.clock-b.notBefore > int64(lastPause) {
		b.pause = 0
	}
	before, at := b.idle, b.idleAt
	idle, known := idleTime()
	b.idle, b.idleAt = idle, l.clock
	switch {
	case !known:
		return true // the trial will tell
	case at == 0:
		return false
	case float64(idle-before)/float64(l.clock-at) < idleShare:
		b.idleAt, b.notBefore = 0, l.clock+int64(firstPause)
		return false
	}
	return true
}

// seekRelief hands every second idle connection to the loop with the most time
// to spare, if there is one. A connection that waits for anything else stays,
// because only this loop knows what it waits for.
func (l *loop[S]) seekRelief() {
	var relief *loop[S]
	least := spareShare
	for _, other := range *l.others {
		if other == l {
			continue
		}
		if whom := other.balance.relieves.Load(); whom != nil && whom != l {
			continue
		}
		if share := other.balance.load.busyAt(l.clock); share < least {
			relief, least = other, share
		}
	}
	if relief == nil {
		return
	}
	if handed := l.takeOut(2); !relief.take(handed, l) {
		l.adopt(handed)
	}
}

// judgeRelief gives back what the loop took, if that is no help.
func (l *loop[S]) judgeRelief() {
	b := &l.balance
	other := &b.relieves.Load().balance
	mine, others := b.load.busyAt(l.clock), other.load.busyAt(l.clock)
	crowded := uint32(1000 * crowdedShare)
	switch {
	case b.retreats:
	case l.clock-b.since < 2*int64(balanceWindow): // not a whole window of each yet
		return
	case b.load.waited.Load() >= crowded || other.load.waited.Load() >= crowded:
		b.retreats = true
		other.inVain.Store(true)
	case !b.judged && l.clock-b.since >= int64(trial):
		b.judged = true
		if float64(b.load.answers.Load()+other.load.answers.Load()) < trialGain*b.before {
			b.retreats = true
			other.inVain.Store(true)
		}
	case mine+others < mergeShare:
		b.retreats = true
	}
	if b.retreats {
		l.retreat()
	}
}

// retreat gives all idle connections back and accepts no more. It is called in each
// window until none is left.
func (l *loop[S]) retreat() {
	b := &l.balance
	l.accepting = false
	l.watchSockets(false)
	if handed := l.takeOut(1); len(handed) > 0 && !b.relieves.Load().take(handed, nil) {
		l.adopt(handed)
	}
	if l.open == 0 {
		b.retreats = false
		b.relieves.Store(nil)
	}
}

// takeOut takes every nth idle connection out of the loop, in the order of their
// deadlines.
func (l *loop[S]) takeOut(nth int) (handed []*conn[S]) {
	n := 0
	for w := l.idle.first; w != nil; {
		c := w.of
		w = w.next
		if n++; n%nth != 0 || l.unwatch(c.fd) != nil {
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

// take hands connections to the loop. If from is not nil, it is a loop that the loop
// is to relieve, and the loop takes a share of the new ones as well. Any
// goroutine may call take. It returns false if the loop has ended.
func (l *loop[S]) take(handed []*conn[S], from *loop[S]) bool {
	b := &l.balance
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.handed = append(b.handed, handed...)
	if from != nil {
		b.accept = from
		b.load.busy.Store(1000) // until its next window tells
		b.load.end.Store(from.clock)
		b.relieves.Store(from)
	}
	l.wakeUp()
	return true
}

// takeOver does what take asked for.
func (l *loop[S]) takeOver() {
	b := &l.balance
	b.mu.Lock()
	handed, from := b.handed, b.accept
	b.handed, b.accept = nil, nil
	b.mu.Unlock()
	l.adopt(handed)
	if from == nil || l.draining {
		return
	}
	b.relieves.Store(from) // a retreat may have come in between
	b.since, b.judged, b.retreats = l.clock, false, false
	b.before = float64(from.balance.load.answers.Load())
	l.startAccepting()
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
		l.watchFor(c, toRead)
	}
}

// end is the last thing that a loop does; true if it may end.
func (b *balance[S]) end() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = len(b.handed) == 0
	return b.closed
}
