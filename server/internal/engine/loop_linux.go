package engine

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/internal/secret"
)

// eventBatch is the most that one wake-up brings.
const eventBatch = 128

// A loop serves its connections in one goroutine.
type loop[S any] struct {
	engine     *Engine[S]
	respond    Respond[S]
	others     *[]*loop[S]   // all loops of the engine
	sockets    []int         // listening; nil once draining
	listening  *atomic.Int32 // loops that have sockets
	looksAgain bool          // there is another processor, on which something may happen meanwhile
	poll       int
	wake       int // eventfd
	events     []unix.EpollEvent

	accepting   bool  // this loop is one of those that accept connections
	watching    bool  // it watches its sockets
	resumeAt    int64 // when it watches them again: see pauseAccepting
	spare       int   // a descriptor to give up when none is left, to accept and close
	vain        bool  // giving up a descriptor did not help last time
	late        int   // how many new connections are not read from at once: see lateConnections
	generations int32 // of the connections so far

	conns []*conn[S] // by descriptor: see conn
	// spareConns are records of connections that have ended: see newConn.
	spareConns []*conn[S]
	open       int
	most       int    // the most that were open since memory was last given back
	in         []byte // what is read; zero wherever it is not in use
	out        []byte

	clock    int64          // the engine's, in nanoseconds
	interval int64          // from one wake-up to the next, in nanoseconds
	idle     list[*conn[S]] // these five are in the order of their deadlines
	begun    list[*conn[S]] // a message has begun
	skipping list[*conn[S]] // what is skipped has begun
	blocked  list[*conn[S]] // the client does not read
	lingers  list[*conn[S]]
	draining bool
	drainEnd int64
	balance  balance[S]
	requests requests[S]

	drainRequested atomic.Bool
}

func newLoop[S any](e *Engine[S], sockets []int, listening *atomic.Int32, others *[]*loop[S]) (_ *loop[S], err error) {
	l := &loop[S]{
		engine: e, others: others, sockets: sockets, listening: listening, poll: -1, wake: -1, spare: -1,
		balance: balance[S]{schedstat: procFile{-1}}, looksAgain: runtime.NumCPU() > 1,
		in: make([]byte, 2*e.options.MaxMessage), events: make([]unix.EpollEvent, eventBatch),
	}
	l.respond = e.newResponder()
	l.requests.oldestIdle.Store(math.MaxInt64)
	defer func() {
		if err != nil {
			l.release()
			err = fmt.Errorf("event loop: %w", err)
		}
	}()
	if l.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if l.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, err
	}
	if l.spare, err = openSpare(); err != nil {
		return nil, err
	}
	if err = l.watch(unix.EPOLL_CTL_ADD, l.wake, unix.EPOLLIN, noGeneration); err != nil {
		return nil, err
	}
	return l, nil
}

// release gives the loop's own descriptors back; its connections are closed.
func (l *loop[S]) release() {
	for _, fd := range []int{l.poll, l.wake, l.spare} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// drain makes the loop stop; it may be called from any goroutine.
func (l *loop[S]) drain() {
	l.drainRequested.Store(true)
	l.wakeUp()
}

// wakeUp makes the loop look at what other goroutines want of it.
func (l *loop[S]) wakeUp() { wakeUp(l.wake) }

// noGeneration marks the events of what is not a connection.
const noGeneration = 0

// What a connection is watched for. The kernel reports a change once
// (EPOLLET), not again in each wait for as long as it lasts. So whoever handles an
// event reads until there is nothing more, or watches anew: then the kernel
// reports what is there. See serve.
const (
	toRead  = unix.EPOLLET | unix.EPOLLIN | unix.EPOLLRDHUP
	toWrite = unix.EPOLLET | unix.EPOLLOUT
)

// watch tells the kernel which events of a descriptor to report. The kernel
// hands the generation back with each of them. A descriptor that is closed is
// soon that of another file, and a batch of events may still name it.
func (l *loop[S]) watch(operation, fd int, events uint32, generation int32) error {
	return unix.EpollCtl(l.poll, operation, fd, &unix.EpollEvent{Events: events, Fd: int32(fd), Pad: generation})
}

// watchFor makes the loop wake for events of a connection, and closes it if
// that cannot be.
func (l *loop[S]) watchFor(c *conn[S], events uint32) {
	operation := unix.EPOLL_CTL_MOD
	if !c.watched {
		operation = unix.EPOLL_CTL_ADD
	}
	if l.watch(operation, c.fd, events, c.generation) != nil {
		l.close(c)
		return
	}
	c.watched = true
}

func (l *loop[S]) unwatch(fd int) error { return unix.EpollCtl(l.poll, unix.EPOLL_CTL_DEL, fd, nil) }

// run runs the loop until it is drained.
func (l *loop[S]) run() (err error) {
	disturbed := secret.Undisturbed(func() { err = l.rounds() })
	return errors.Join(disturbed, err)
}

func (l *loop[S]) rounds() error {
	l.tick()
	l.balance.schedstat = openProc("/proc/thread-self/schedstat")
	defer l.balance.schedstat.close()
	for !l.draining || l.open > 0 || !l.balance.end() {
		if err := l.round(l.timeout()); err != nil {
			return fmt.Errorf("event loop: %w", err)
		}
	}
	return nil
}

// round waits for events, at most the given number of milliseconds, and handles
// them.
func (l *loop[S]) round(timeout int) error {
	n, err := l.wait(timeout)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	l.tick()
	l.handleAll(l.events[:max(n, 0)])
	l.expire()
	l.publishIdle()
	l.measure()
	return nil
}

// busyWait is how long a loop that has just handled events waits for others without
// telling Go's scheduler, in milliseconds. The kernel's clock ticks within this time on
// most systems. A shorter wait makes the kernel set the processor's timer for it, twice
// for each wait, and on a virtual machine each time costs a way to the host.
const busyWait = 4

// A loop that wakes at least each busyInterval looks up to busyLooks times whether there
// are new events before it sleeps. Whoever wakes a sleeping loop pays for it, and that
// is the proxy in front.
const (
	busyInterval = 100 * time.Microsecond
	busyLooks    = 40
)

// wait waits for events, at most the given number of milliseconds.
//
// A system call that tells the scheduler that it may sleep lets Go's monitor take the
// loop's processor away. Under load it does so all the time, and it wakes thousands of
// times a second to find out whether it should. So wait first sleeps in secret. It
// does not do so for long, because a garbage collection, or a change of
// GOMAXPROCS, waits for it. See RATIONALE.md.
func (l *loop[S]) wait(timeout int) (int, error) {
	if l.looksAgain && l.interval < int64(busyInterval) && timeout != 0 {
		for range busyLooks {
			if n, err := waitHere(l.poll, l.events, 0); n != 0 {
				return n, err
			}
		}
	}
	here := busyWait
	if 0 <= timeout && timeout < here {
		here = timeout
	}
	n, err := waitHere(l.poll, l.events, here)
	if n != 0 || here == timeout {
		return n, err
	}
	l.noticeEbb()
	return unix.EpollWait(l.poll, l.events, max(timeout-here, -1))
}

// noticeEbb lets memory be returned to the system if a crowd of connections was open
// and most of them have gone. The loop calls it when it has nothing else to do.
func (l *loop[S]) noticeEbb() {
	if l.most < l.engine.ebb.crowd || l.open > l.most/4 {
		return
	}
	l.most = l.open
	last := len(l.conns)
	for last > 0 && l.conns[last-1] == nil {
		last--
	}
	l.conns = slices.Clone(l.conns[:last])
	l.engine.ebb.begin()
}

// handleAll handles the events of one wake-up.
func (l *loop[S]) handleAll(events []unix.EpollEvent) {
	for i := range events {
		l.handle(&events[i])
	}
	// Each event of a full batch may have taken long, and the kernel reports a
	// listening socket no more often than any connection.
	if len(events) == eventBatch {
		l.acceptBurst()
	}
	l.resumeAccepting()
}

// tick reads the clock, once for all that one wake-up brings.
func (l *loop[S]) tick() {
	now := l.engine.monotonic()
	l.interval, l.clock = now-l.clock, now
	l.respond(Event{Kind: Tick}, nil, nil, nil)
}

// handle handles one event. Its descriptor may be gone: an earlier event of the
// batch may have closed it.
func (l *loop[S]) handle(e *unix.EpollEvent) {
	fd := int(e.Fd)
	switch {
	case e.Pad != noGeneration:
		if c := l.conn(fd); c != nil && c.generation == e.Pad {
			l.serve(c, e.Events)
		}
	case fd == l.wake:
		quieten(l.wake) // or it would go on waking
		l.takeOver()
		l.heedRequests()
		l.beginDrain()
	case slices.Contains(l.sockets, fd):
		l.accept(fd)
	}
}

// serve handles an event of a connection.
func (l *loop[S]) serve(c *conn[S], events uint32) {
	switch {
	case events&(unix.EPOLLERR|unix.EPOLLHUP) != 0:
		l.close(c)
	case events&unix.EPOLLOUT != 0:
		l.writable(c)
	default:
		l.readable(c)
		if more := !c.drained || events&unix.EPOLLRDHUP != 0; more && l.conn(c.fd) == c && c.wait.list != &l.blocked {
			l.watchFor(c, toRead)
		}
	}
}

// conn returns the connection of a descriptor, or nil.
func (l *loop[S]) conn(fd int) *conn[S] {
	if fd < 0 || fd >= len(l.conns) {
		return nil
	}
	return l.conns[fd]
}

// place registers c, which is new to the loop, under its descriptor.
func (l *loop[S]) place(c *conn[S]) {
	if missing := c.fd + 1 - len(l.conns); missing > 0 {
		l.conns = append(l.conns, make([]*conn[S], max(missing, 64))...)
	}
	l.conns[c.fd] = c
	l.open++
	l.most = max(l.most, l.open)
	c.loop = l
	if l.generations++; l.generations == noGeneration { // it has wrapped around
		l.generations++
	}
	c.generation = l.generations
}

// timeout is how long the loop may sleep, in milliseconds; -1 is for ever.
func (l *loop[S]) timeout() int {
	const never = math.MaxInt64
	next := int64(never)
	for _, list := range l.lists() {
		if list.first != nil {
			next = min(next, list.first.of.deadline)
		}
	}
	if l.draining {
		next = min(next, l.drainEnd)
	}
	if l.accepting && !l.watching && !l.draining {
		next = min(next, l.resumeAt)
	}
	switch {
	case next == never:
		return -1
	case next <= l.clock:
		return 0
	}
	return int((next-l.clock)/1e6) + 1
}

func (l *loop[S]) lists() [5]*list[*conn[S]] {
	return [5]*list[*conn[S]]{&l.idle, &l.begun, &l.skipping, &l.blocked, &l.lingers}
}

// expire ends what has waited for too long. Before that it looks once more: if the
// process was paused, it has not yet read what was sent in time.
func (l *loop[S]) expire() {
	for _, list := range l.lists() {
		for w := list.first; w != nil && w.of.deadline <= l.clock; w = list.first {
			if c := w.of; l.stillWaits(c) {
				l.giveUpOn(c)
			}
		}
	}
	if l.draining && l.clock >= l.drainEnd {
		for _, c := range l.conns {
			if c != nil {
				l.close(c)
			}
		}
	}
}

// stillWaits looks for new events of a connection, and reports whether it still
// waits for the same thing.
func (l *loop[S]) stillWaits(c *conn[S]) bool {
	list, deadline := c.wait.list, c.deadline
	if list == &l.blocked {
		l.writable(c)
	} else {
		l.readable(c)
	}
	return l.conn(c.fd) == c && c.wait.list == list && c.deadline == deadline
}

// giveUpOn ends what a connection waits for.
func (l *loop[S]) giveUpOn(c *conn[S]) {
	switch c.wait.list {
	case &l.begun:
		l.refuse(c, Late)
	case &l.skipping:
		l.answer(c, copy(l.in, c.unparsed), Ended)
	default:
		l.close(c)
	}
}

// refuse answers an incomplete message and closes the connection.
func (l *loop[S]) refuse(c *conn[S], why Kind) {
	l.out = l.respond(Event{why, l.draining}, &c.Conn, nil, l.out[:0]).Out
	l.send(c, CloseLastly)
}

// beginDrain stops accepting and lets the connections come to their end.
func (l *loop[S]) beginDrain() {
	if l.draining || !l.drainRequested.Load() {
		return
	}
	l.draining = true
	l.drainEnd = l.clock + int64(l.engine.options.DrainTimeout)
	grace := l.clock + min(int64(drainGrace), int64(l.engine.options.DrainTimeout))
	for w := l.idle.first; w != nil; w = w.next {
		w.of.deadline = min(w.of.deadline, grace)
	}
	l.watchSockets(false)
	// The last loop accepts what has reached the sockets, if time allows, and closes
	// them at once. Then a later connection is refused. If another process has taken
	// over a unix socket's path, the kernel leads the client there instead, even if
	// the client had looked up the path before.
	if l.listening.Add(-1) == 0 {
		for _, fd := range l.sockets {
			// One failure may concern only that connection.
			for failures := 0; failures < 3 && l.engine.monotonic() < l.drainEnd; {
				if !l.accept(fd) {
					failures++
				}
			}
			unix.Close(fd)
		}
	}
	l.sockets = nil
}
