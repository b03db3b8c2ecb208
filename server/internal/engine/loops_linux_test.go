package engine

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// testLoops are event loops that the test drives round by round, with its own
// clock.
type testLoops struct {
	*Engine[toy]
	loops   []*loop[toy]
	address string
	clock   int64
}

func newTestLoops(t *testing.T, number int, options Options) *testLoops {
	t.Helper()
	listener := enginetest.Listen(t)
	ls := &testLoops{Engine: New(testOptions(options), newToy), address: listener.Addr().String(), loops: make([]*loop[toy], number)}
	ls.monotonic = func() int64 { return ls.clock }
	sockets, _, err := takeSockets([]net.Listener{listener})
	if err != nil {
		t.Fatal(err)
	}
	listening := new(atomic.Int32)
	listening.Store(int32(number))
	for i := range ls.loops {
		if ls.loops[i], err = newLoop(ls.Engine, sockets, listening, &ls.loops); err != nil {
			t.Fatal(err)
		}
		ls.loops[i].tick()
	}
	ls.loops[0].startAccepting()
	t.Cleanup(func() {
		for _, l := range ls.loops {
			for _, c := range l.conns {
				if c != nil {
					l.close(c)
				}
			}
			l.release()
		}
		if listening.Load() > 0 {
			unix.Close(sockets[0])
		}
	})
	return ls
}

// pass lets time go by.
func (ls *testLoops) pass(d time.Duration) { ls.clock += int64(d) }

// settle runs rounds of all loops until nothing is left to do. By then, what a
// client sent over the loopback interface has arrived.
func (ls *testLoops) settle(t *testing.T) {
	t.Helper()
	for range 20 {
		for _, l := range ls.loops {
			if err := l.round(0); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// dial connects, and has the connection accepted.
func (ls *testLoops) dial(t *testing.T) net.Conn {
	t.Helper()
	c := enginetest.Dial(t, ls.address)
	ls.settle(t)
	return c
}

// send sends text and lets the loops read it.
func (ls *testLoops) send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	ls.settle(t)
}

// handOver makes the loop that has the connections hand half of its idle ones to
// the other.
func (ls *testLoops) handOver(t *testing.T, from int) {
	t.Helper()
	for i, l := range ls.loops {
		l.balance.load.end.Store(ls.clock)
		l.balance.load.busy.Store(map[bool]uint32{true: 1000, false: 0}[i == from])
		l.balance.relieves.Store(nil)
	}
	ls.loops[from].seekRelief()
	ls.settle(t)
}

// TestHandOverKeepsDeadlines: however often connections change hands, an
// incomplete request is refused when its time is over, and an idle connection
// is closed when it has been idle for long enough.
func TestHandOverKeepsDeadlines(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 2, Options{MessageTimeout: 2 * time.Second, IdleTimeout: 5 * time.Second})
	var begun, idle []net.Conn
	for range 6 {
		c := ls.dial(t)
		ls.send(t, c, "ask me")
		begun = append(begun, c)
		c = ls.dial(t)
		ls.send(t, c, ask)
		readResponse(t, c)
		idle = append(idle, c)
	}
	moved := false
	for i := range 6 {
		ls.pass(800 * time.Millisecond)
		ls.settle(t)
		ls.handOver(t, i%2)
		moved = moved || ls.loops[0].open > 0 && ls.loops[1].open > 0
		for j, c := range begun {
			text, ended := received(t, c)
			switch late := ls.clock >= int64(2*time.Second); {
			case late && i == 2 && firstWord(text) != "late":
				t.Errorf("after %v, incomplete request %d got %q", time.Duration(ls.clock), j, text)
			case !late && (text != "" || ended):
				t.Errorf("after %v, incomplete request %d got %q already", time.Duration(ls.clock), j, text)
			}
		}
	}
	if !moved {
		t.Error("no connection has changed hands")
	}
	for i, c := range idle {
		if text, ended := received(t, c); text != "" || ended {
			t.Errorf("idle connection %d is closed before its time", i)
		}
	}
	ls.pass(time.Second)
	ls.settle(t)
	for i, c := range idle {
		if _, ended := received(t, c); !ended {
			t.Errorf("idle connection %d is open after its time", i)
		}
	}
}

// TestHandOverKeepsOrder: a loop that takes over idle connections closes those
// first that have been idle longest.
func TestHandOverKeepsOrder(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 2, Options{})
	for range 40 {
		ls.dial(t)
		ls.pass(10 * time.Millisecond)
	}
	ls.handOver(t, 0)
	for range 40 {
		ls.dial(t)
		ls.pass(10 * time.Millisecond)
	}
	ls.handOver(t, 1)
	ls.handOver(t, 0)
	total := 0
	for i, l := range ls.loops {
		before := int64(0)
		for w := l.idle.first; w != nil; w = w.next {
			if w.of.deadline < before {
				t.Errorf("loop %d: a deadline of %d behind one of %d", i, w.of.deadline, before)
			}
			if l.conn(w.of.fd) != w.of || w.of.loop != l || !w.of.watched {
				t.Errorf("loop %d does not serve a connection that it has taken over", i)
			}
			before = w.of.deadline
			total++
		}
	}
	if total != 80 {
		t.Errorf("%d connections of 80", total)
	}
}

// TestReadBeforeExpiring: after the process was paused, a request that was sent in
// time is still answered.
func TestReadBeforeExpiring(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 2, Options{MessageTimeout: time.Second, IdleTimeout: 2 * time.Second})
	const each = eventBatch // more in all than one wake-up reports
	var idle, begun, slow []net.Conn
	for range each {
		idle = append(idle, ls.dial(t))
		c := ls.dial(t)
		ls.send(t, c, ask[:20])
		begun = append(begun, c)
	}
	slow = append(slow, ls.dial(t))
	ls.send(t, slow[0], ask[:20])
	for i := range each { // nothing is read meanwhile
		_, _ = io.WriteString(idle[i], ask)
		_, _ = io.WriteString(begun[i], ask[20:])
	}
	ls.pass(time.Minute)
	ls.settle(t)
	for i := range each {
		for what, c := range map[string]net.Conn{"idle": idle[i], "begun": begun[i]} {
			if text, ended := received(t, c); firstWord(text) != "yes" || ended {
				t.Errorf("connection %d, %s before the pause, got %q", i, what, text)
			}
		}
	}
	if text, _ := received(t, slow[0]); firstWord(text) != "late" {
		t.Errorf("a request that is not complete got %q", text)
	}
}

// TestAcceptsBesideBusyConnections: when there is more to do than one wake-up
// reports, new connections do not wait for all of it.
func TestAcceptsBesideBusyConnections(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{})
	busy := make([]net.Conn, 3*eventBatch)
	for i := range busy {
		busy[i] = ls.dial(t)
	}
	for _, c := range busy {
		_, _ = io.WriteString(c, ask)
	}
	const late = 20
	for range late {
		c, err := net.Dial("tcp", ls.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	before := ls.loops[0].open
	if err := ls.loops[0].round(0); err != nil {
		t.Fatal(err)
	}
	if got := ls.loops[0].open - before; got != late {
		t.Errorf("in one round %d of %d new connections are accepted", got, late)
	}
}

// TestWatchesAgain: if a loop cannot watch its sockets, for example because the
// kernel is out of memory, it tries again.
func TestWatchesAgain(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{})
	l := ls.loops[0]
	l.pauseAccepting()
	sockets := l.sockets
	l.sockets = []int{l.poll} // what epoll_ctl refuses
	ls.pass(acceptPause)
	ls.settle(t)
	if l.watching {
		t.Error("the loop believes that it watches a socket, but it does not")
	}
	l.sockets = sockets
	ls.pass(acceptPause)
	if c := ls.dial(t); l.open != 1 {
		t.Errorf("a connection from %v is not accepted", c.LocalAddr())
	}
}

// TestEventsOfWhatIsGone: an earlier event of a batch may make the loop give up a
// listening socket that a later event names. A later event may also name a
// descriptor that now belongs to another connection.
func TestEventsOfWhatIsGone(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{})
	l := ls.loops[0]
	c := ls.dial(t)
	served := l.idle.first.of
	socket := l.sockets[0]
	l.handleAll([]unix.EpollEvent{
		{Events: unix.EPOLLHUP, Fd: int32(served.fd), Pad: served.generation + 1},
		{Events: unix.EPOLLIN, Fd: 1 << 20, Pad: 1},
	})
	if l.conn(served.fd) != served {
		t.Error("an event of a descriptor's former connection has closed the present one")
	}
	late, err := net.Dial("tcp", ls.address)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	_, _ = io.WriteString(late, ask)
	l.drain()
	l.handleAll([]unix.EpollEvent{
		{Events: unix.EPOLLIN, Fd: int32(l.wake)},
		{Events: unix.EPOLLIN, Fd: int32(socket)},
		{Events: unix.EPOLLHUP, Fd: int32(socket)},
	})
	ls.settle(t)
	for what, conn := range map[string]net.Conn{"late": late, "open": c} {
		text, _ := received(t, conn)
		if what == "late" && firstWord(text) != "yes" {
			t.Errorf("what had reached the socket got %q", text)
		}
	}
}
