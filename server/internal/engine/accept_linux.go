package engine

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/internal/secret"
)

// acceptBatch is the most connections that acceptBurst takes from one socket.
const acceptBatch = 64

// startAccepting makes the loop accept connections, in turn with other loops.
func (l *loop[S]) startAccepting() {
	if !l.accepting {
		l.accepting = true
		l.watchSockets(true)
	}
}

// watchSockets starts or stops watching the listening sockets.
func (l *loop[S]) watchSockets(watching bool) {
	if l.watching == watching {
		return
	}
	l.watching = watching
	for _, fd := range l.sockets {
		if !watching {
			_ = l.unwatch(fd) // it fails if the socket could not be watched
			continue
		}
		if err := l.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLEXCLUSIVE, noGeneration); err != nil {
			l.noteAcceptError(err)
			l.pauseAccepting() // the lack of memory that made it pause may last
			return
		}
	}
}

// pauseAccepting leaves the listening sockets alone for a while. Without it the
// loop would spin: a socket stays readable while an error keeps its connections
// from being accepted.
func (l *loop[S]) pauseAccepting() {
	l.watchSockets(false)
	l.resumeAt = l.clock + int64(acceptPause)
}

// resumeAccepting ends a pause whose time is over.
func (l *loop[S]) resumeAccepting() {
	if l.accepting && !l.watching && !l.draining && l.clock >= l.resumeAt {
		l.watchSockets(true)
	}
}

// acceptBurst takes several connections from each socket.
func (l *loop[S]) acceptBurst() {
	for _, socket := range l.sockets {
		for n := 0; n < acceptBatch && l.watching && l.accept(socket); n++ {
		}
	}
}

// accept takes a new connection from a listening socket, if there is one. If
// there are more, the next wake-up comes at once; trying here would mostly find
// none. It returns false if there was none, or none can be accepted now.
func (l *loop[S]) accept(socket int) bool {
	fd, err := accept(socket)
	switch {
	case err == nil:
		l.vain = false
		l.admit(fd)
		l.replaceSpare()
		return true
	case errors.Is(err, unix.EAGAIN):
		return false // another loop was faster
	case errors.Is(err, unix.EINTR):
		return true
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		l.noteAcceptError(err)
		if l.acceptWithout(socket) {
			return true
		}
	default:
		l.noteAcceptError(err)
	}
	l.pauseAccepting()
	return false
}

func (l *loop[S]) noteAcceptError(err error) {
	name := "unknown"
	if errno := unix.Errno(0); errors.As(err, &errno) {
		name = unix.ErrnoName(errno)
	}
	l.engine.noteAcceptError(name, name+": "+err.Error())
}

// acceptWithout accepts a connection when no descriptor is left, by giving up the
// spare. The connection that has been idle longest makes room for another spare.
// If none is idle, the new one is refused. It returns false if no connection
// could be accepted.
func (l *loop[S]) acceptWithout(socket int) bool {
	if l.vain {
		return false
	}
	if l.spare >= 0 {
		unix.Close(l.spare)
		l.spare = -1
	} else if !l.makeRoom(0) { // something else has taken the spare's descriptor
		return false
	}
	fd, err := accept(socket)
	switch {
	case err != nil:
		// The limit is below what is open. Closing a connection would not help.
		l.vain = errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)
	case l.makeRoom(0):
		l.admit(fd)
	default:
		l.turnAway(fd)
	}
	l.replaceSpare()
	return err == nil
}

// replaceSpare opens the spare if it was given up.
func (l *loop[S]) replaceSpare() {
	if l.spare < 0 {
		l.spare, _ = openSpare() // if this fails, the next connection tries again
	}
}

func openSpare() (fd int, err error) {
	return unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

// admit makes a connection of fd, or refuses it.
func (l *loop[S]) admit(fd int) {
	limit := int64(l.engine.options.MaxConnections)
	if open := l.engine.connections.Add(1); open > limit {
		l.engine.noteConnectionLimit()
		if !l.makeRoom(open - limit) {
			l.engine.connections.Add(-1)
			l.turnAway(fd)
			return
		}
	}
	c := l.newConn(fd)
	l.place(c)
	l.await(c)
	// The message has often arrived already. If the connection ends with it, the
	// loop never has to watch it.
	if l.arrivesLate() {
		l.watchFor(c, toRead)
		return
	}
	l.noteArrival(l.readable(c))
	if l.conn(fd) == c && !c.watched {
		l.watchFor(c, toRead)
	}
}

// lateConnections is how many new connections a loop does not read from at once after
// one that had brought nothing. Over TCP, the loop is often told of a connection before
// the client knows of it.
const lateConnections = 31

// arrivesLate reports whether a new connection is expected to have brought nothing yet.
func (l *loop[S]) arrivesLate() bool {
	if l.late == 0 {
		return false
	}
	l.late--
	return true
}

// noteArrival notes whether a new connection had brought something.
func (l *loop[S]) noteArrival(early bool) {
	if !early {
		l.late = lateConnections
	}
}

// turnAway refuses a connection that is one too many. It reads what the client has
// already sent: the kernel would answer unread bytes with a reset that overtakes
// the response.
func (l *loop[S]) turnAway(fd int) {
	n, _ := receive(fd, l.in[:l.engine.options.MaxMessage])
	secret.Wipe(l.in[:max(n, 0)])
	l.out = l.respond(Event{Crowded, l.draining}, nil, nil, l.out[:0]).Out
	_, _ = send(fd, l.out, false)
	closeSocket(fd)
}
