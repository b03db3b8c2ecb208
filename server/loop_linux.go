package server

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/undisturbed"
)

// eventBatch is the most that one wake-up brings.
const eventBatch = 128

// A loop serves its connections in one goroutine. It moves bytes; what they
// mean is the worker's affair.
type loop struct {
	server    *Server
	worker    worker
	others    *[]*loop      // all loops of the server
	sockets   []int         // listening; nil once draining
	listening *atomic.Int32 // loops that have sockets
	accepting bool          // they are watched
	poll      int
	wake      int // eventfd
	spare     int // given up to accept, and close, when descriptors run out

	conns []*conn // by descriptor
	open  int
	in    []byte // what is read; zero wherever it is not in use
	out   []byte

	clock    int64 // nanoseconds since start
	start    time.Time
	idle     deadlineList
	heads    deadlineList // a request has begun
	blocked  deadlineList // the client does not read
	lingers  deadlineList
	draining bool
	drainEnd int64
	balance  balance

	drainRequested atomic.Bool
}

func newLoop(s *Server, sockets []int, listening *atomic.Int32, others *[]*loop) (_ *loop, err error) {
	l := &loop{
		server: s, others: others, sockets: sockets, listening: listening, poll: -1, wake: -1, spare: -1,
		in: make([]byte, maxHead), start: time.Now(),
	}
	l.worker = s.newWorker()
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
	if err = l.watch(unix.EPOLL_CTL_ADD, l.wake, unix.EPOLLIN); err != nil {
		return nil, err
	}
	return l, nil
}

// release gives the loop's own descriptors back; its connections are closed.
func (l *loop) release() {
	for _, fd := range []int{l.poll, l.wake, l.spare} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// drain makes the loop stop; it may be called from any goroutine.
func (l *loop) drain() {
	l.drainRequested.Store(true)
	l.wakeUp()
}

// wakeUp makes the loop look at what other goroutines want of it.
func (l *loop) wakeUp() {
	// It fails only if the counter is about to overflow: then it wakes anyway.
	_, _ = write(l.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// startAccepting makes the loop take new connections, in turn with others.
func (l *loop) startAccepting() {
	if l.accepting {
		return
	}
	l.accepting = true
	for _, fd := range l.sockets {
		if err := l.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLEXCLUSIVE); err != nil {
			l.server.options.Logger.Error("event loop cannot accept connections", "error", err.Error())
		}
	}
}

func (l *loop) watch(operation, fd int, events uint32) error {
	return unix.EpollCtl(l.poll, operation, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

// watchFor makes the loop wake for events of a connection, and closes it if
// that cannot be.
func (l *loop) watchFor(c *conn, events uint32) {
	operation := unix.EPOLL_CTL_MOD
	if !c.watched {
		operation = unix.EPOLL_CTL_ADD
	}
	if l.watch(operation, c.fd, events) != nil {
		l.close(c)
		return
	}
	c.watched = true
}

func (l *loop) unwatch(fd int) error { return unix.EpollCtl(l.poll, unix.EPOLL_CTL_DEL, fd, nil) }

// run runs the loop until it is drained.
func (l *loop) run() (err error) {
	disturbed := undisturbed.Run(func() { err = l.wait() })
	return errors.Join(disturbed, err)
}

func (l *loop) wait() error {
	events := make([]unix.EpollEvent, eventBatch)
	l.tick()
	for !l.draining || l.open > 0 || !l.balance.end() {
		n, err := unix.EpollWait(l.poll, events, l.timeout())
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("event loop: %w", err)
		}
		l.tick()
		for _, e := range events[:max(n, 0)] {
			l.handle(int(e.Fd), e.Events)
		}
		l.expire()
		l.measure()
	}
	return nil
}

// tick reads the clocks, once for all that one wake-up brings.
func (l *loop) tick() {
	l.clock = l.monotonic()
	l.worker.setTime(l.server.options.Now())
}

func (l *loop) monotonic() int64 { return int64(time.Since(l.start)) }

func (l *loop) handle(fd int, events uint32) {
	if fd == l.wake {
		var count [8]byte
		_, _ = read(l.wake, count[:]) // or it would go on waking
		l.takeOver()
		l.beginDrain()
		return
	}
	for _, socket := range l.sockets {
		if fd == socket {
			l.accept(socket)
			return
		}
	}
	c := l.conns[fd]
	switch {
	case c == nil: // closed by an earlier event of the batch
	case events&(unix.EPOLLERR|unix.EPOLLHUP) != 0:
		l.close(c)
	case events&unix.EPOLLOUT != 0:
		l.writable(c)
	default:
		l.readable(c)
	}
}

// accept takes a new connection from a listening socket, if there is one. If
// there are more, the next wake-up is at once; asking for them would mostly be
// in vain. It returns false if there was none.
func (l *loop) accept(socket int) bool {
	fd, err := accept(socket)
	switch {
	case err == nil:
		l.admit(fd)
		return true
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		return l.refuseWithSpare(socket)
	case errors.Is(err, unix.ECONNABORTED), errors.Is(err, unix.EINTR):
		return true // that client is gone
	}
	return false // another loop was faster
}

// admit makes a connection of fd, or refuses it.
func (l *loop) admit(fd int) {
	if l.server.connections.Add(1) > int64(l.server.options.MaxConnections) {
		l.server.connections.Add(-1)
		l.refuse(fd)
		return
	}
	c := &conn{fd: fd}
	c.wait.conn = c
	l.place(c)
	l.open++
	l.await(c)
	// The request is often there already. If the connection ends with it, it
	// never has to be watched.
	l.readable(c)
	if l.conns[fd] == c && !c.watched {
		l.watchFor(c, unix.EPOLLIN)
	}
}

// place makes c findable by its descriptor.
func (l *loop) place(c *conn) {
	if missing := c.fd + 1 - len(l.conns); missing > 0 {
		l.conns = append(l.conns, make([]*conn, max(missing, 64))...)
	}
	l.conns[c.fd] = c
}

// refuse answers a connection too many. What it has sent already is read, for
// the kernel would answer unread bytes with a reset that overtakes the
// response.
func (l *loop) refuse(fd int) {
	n, _ := read(fd, l.in)
	core.Wipe(l.in[:max(n, 0)])
	l.out = l.worker.refuse(l.out[:0], overloaded)
	_, _ = write(fd, l.out)
	unix.Close(fd)
	l.server.refusals.note(l.server.options.Logger, "connection limit reached")
}

// refuseWithSpare accepts and refuses one connection when the process has no
// descriptor left; without it the listening socket would stay readable and the
// loop spin. It returns false if that failed.
func (l *loop) refuseWithSpare(socket int) bool {
	if l.spare >= 0 {
		unix.Close(l.spare)
		l.spare = -1
	}
	fd, err := accept(socket)
	if err == nil {
		l.refuse(fd)
	}
	l.spare, _ = openSpare()
	if err != nil {
		// The socket stays readable; do not spin until there is room.
		pause := unix.NsecToTimespec(int64(time.Millisecond))
		_ = unix.Nanosleep(&pause, nil)
	}
	l.server.refusals.note(l.server.options.Logger, "out of descriptors", slog.Int64("connections", l.server.connections.Load()))
	return err == nil
}

func openSpare() (int, error) {
	return unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

// timeout is how long the loop may sleep, in milliseconds; -1 is for ever.
func (l *loop) timeout() int {
	next := int64(-1)
	for _, list := range l.lists() {
		if list.first != nil && (next < 0 || list.first.deadline < next) {
			next = list.first.deadline
		}
	}
	if l.draining && (next < 0 || l.drainEnd < next) {
		next = l.drainEnd
	}
	if next < 0 {
		return -1
	}
	if next <= l.clock {
		return 0
	}
	return int((next-l.clock)/int64(time.Millisecond)) + 1
}

func (l *loop) lists() [4]*deadlineList {
	return [4]*deadlineList{&l.idle, &l.heads, &l.blocked, &l.lingers}
}

// expire closes the connections whose time is over.
func (l *loop) expire() {
	expired := func(list *deadlineList) *conn {
		if w := list.first; w != nil && w.deadline <= l.clock {
			return w.conn
		}
		return nil
	}
	for c := expired(&l.heads); c != nil; c = expired(&l.heads) {
		if c.exchange.unread > 0 { // that request has had its response
			l.close(c)
			continue
		}
		l.out = l.worker.refuse(l.out[:0], requestTimeout)
		l.send(c, closeLastly)
	}
	for _, list := range []*deadlineList{&l.idle, &l.blocked, &l.lingers} {
		for c := expired(list); c != nil; c = expired(list) {
			l.close(c)
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

// beginDrain stops accepting and lets the connections come to their end.
func (l *loop) beginDrain() {
	if l.draining || !l.drainRequested.Load() {
		return
	}
	l.draining = true
	l.drainEnd = l.clock + int64(l.server.options.DrainTimeout)
	grace := l.clock + min(int64(drainGrace), int64(l.server.options.DrainTimeout))
	for w := l.idle.first; w != nil; w = w.next {
		w.deadline = min(w.deadline, grace)
	}
	for _, fd := range l.sockets {
		_ = l.unwatch(fd) // a loop that never accepted does not watch it
	}
	// The last loop takes what has reached the sockets and closes them in the
	// same breath. Who connects later is refused, or, where another process has
	// taken a unix socket's path over, led there by the kernel, even if it had
	// looked the path up before.
	if l.listening.Add(-1) == 0 {
		for _, fd := range l.sockets {
			for l.accept(fd) {
			}
			unix.Close(fd)
		}
	}
	l.sockets = nil
}
