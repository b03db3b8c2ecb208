package engine

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// TestLongestIdleOfAllLoopsMakesRoom: the connection that has been idle longest
// makes room, whichever loop serves it.
func TestLongestIdleOfAllLoopsMakesRoom(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 2, Options{MaxConnections: 4})
	var conns []net.Conn
	for range 4 {
		conns = append(conns, ls.dial(t))
		ls.pass(time.Second)
	}
	ls.handOver(t, 0) // the second and the fourth
	ls.send(t, conns[0], ask)
	readResponse(t, conns[0])
	ls.pass(time.Second)
	for i, longest := range []net.Conn{conns[1], conns[2], conns[3], conns[0]} {
		c := ls.dial(t)
		ls.send(t, c, ask)
		if text, ended := received(t, c); firstWord(text) != "yes" || ended {
			t.Errorf("new connection %d got %q", i, text)
		}
		if _, ended := received(t, longest); !ended {
			t.Errorf("for new connection %d, the one that had been idle longest is not closed", i)
		}
		if open := ls.Connections(); open != 4 {
			t.Errorf("%d connections", open)
		}
		ls.pass(time.Second)
	}
}

// TestUnsentBodyMakesRoom: a request that lacks only its body is answered when its
// connection makes room or gives up what it holds.
func TestUnsentBodyMakesRoom(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{})
	for what, end := range map[string]func(){
		"room":  func() { ls.loops[0].makeRoomHere() },
		"bytes": func() { ls.held.relieveOne() },
	} {
		c := ls.dial(t)
		ls.send(t, c, "skip 9\nhalf")
		end()
		ls.settle(t)
		if text, ended := received(t, c); firstWord(text) != "yes" || !ended {
			t.Errorf("%s: %q", what, text)
		}
		c.Close()
		ls.settle(t)
	}
}

// TestArrivalsDoNotHoldUpTheEnd: the server stops in time, however many connections
// arrive meanwhile.
func TestArrivalsDoNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{DrainTimeout: 5 * time.Second})
	for range 40 {
		c, err := net.Dial("tcp", ls.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	ls.monotonic = func() int64 { // accepting a connection takes long
		ls.pass(time.Second)
		return ls.clock
	}
	l := ls.loops[0]
	l.drain()
	l.handleAll([]unix.EpollEvent{{Events: unix.EPOLLIN, Fd: int32(l.wake)}})
	if l.sockets != nil || l.open > 5 {
		t.Errorf("%d connections are accepted when there is no time left", l.open)
	}
}

// TestHeldBytesAreBounded: what incomplete requests hold together has a limit.
// The oldest are refused first, whichever loop has them, and a complete request is
// answered.
func TestHeldBytesAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	ls := newTestLoops(t, 2, Options{MaxHeldBytes: limit})
	head := "ask " + strings.Repeat(" ", 24000)
	var conns []net.Conn
	for i := range 60 {
		for j, l := range ls.loops { // they take turns
			l.accepting = j == i%2
			l.watchSockets(l.accepting)
		}
		c := ls.dial(t)
		ls.send(t, c, head)
		conns = append(conns, c)
		if held := ls.Held(); held > limit {
			t.Fatalf("after %d requests, %d bytes are held", i+1, held)
		}
	}
	if ls.loops[0].begun.first == nil || ls.loops[1].begun.first == nil {
		t.Error("one loop has all incomplete requests")
	}
	refused := 0
	for i, c := range conns {
		text, _ := received(t, c)
		if firstWord(text) != "crowded" {
			break
		}
		if refused++; refused != i+1 {
			t.Errorf("request %d is refused before older ones", i)
		}
	}
	if refused < 20 || refused > 45 {
		t.Errorf("%d of %d requests are refused", refused, len(conns))
	}
	for _, c := range conns[refused:] {
		ls.send(t, c, "\n")
		if text, _ := received(t, c); firstWord(text) != "yes" {
			t.Errorf("a request that is complete got %q", text)
		}
	}
	if held := ls.Held(); held != 0 {
		t.Errorf("%d bytes are held for nothing", held)
	}
}

// TestYoungRequestsStay: a connection that is always in the middle of a request is
// as young as its latest request.
func TestYoungRequestsStay(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{MaxHeldBytes: 64 << 10})
	head := "ask " + strings.Repeat(" ", 8000)
	busy, old := ls.dial(t), ls.dial(t)
	ls.send(t, busy, head)
	ls.send(t, old, head)
	ls.send(t, busy, "\n"+head)
	if got := readResponse(t, busy); firstWord(got) != "yes" {
		t.Fatalf("got %q", got)
	}
	for range 7 { // 8 KiB each; the eighth is one too many
		ls.send(t, ls.dial(t), head)
	}
	if text, _ := received(t, old); firstWord(text) != "crowded" {
		t.Errorf("the oldest request got %q", text)
	}
	if text, ended := received(t, busy); text != "" || ended {
		t.Errorf("a younger request of an old connection got %q", text)
	}
}

// blockedConns are those whose clients do not read.
func (ls *testLoops) blockedConns() (conns []*conn[toy]) {
	for _, l := range ls.loops {
		for w := l.blocked.first; w != nil; w = w.next {
			conns = append(conns, w.of)
		}
	}
	return conns
}

// TestDeafClientsAreBounded: what is held for clients that do not read counts too.
func TestDeafClientsAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 256 << 10
	ls := newTestLoops(t, 2, Options{MaxHeldBytes: limit})
	requests := strings.Repeat(ask, 200)
	for range 20 {
		c := ls.dial(t)
		_ = c.(*net.TCPConn).SetReadBuffer(1)
		_ = c.SetWriteDeadline(time.Now().Add(20 * time.Second))
		before := ls.blockedConns()
		isNew := func(blocked *conn[toy]) bool { return !slices.Contains(before, blocked) }
		for !slices.ContainsFunc(ls.blockedConns(), isNew) {
			ls.send(t, c, requests)
		}
		held := int64(0)
		for _, blocked := range ls.blockedConns() {
			if len(blocked.unsent) == 0 {
				t.Error("nothing is kept for a client that does not read")
			}
			held += int64(cap(blocked.unparsed) + cap(blocked.unsent))
		}
		if counted := ls.Held(); counted != held || held == 0 || held > limit {
			t.Fatalf("%d bytes are held, and %d are counted", held, counted)
		}
	}
}

// TestSkipBehindFullBuffer: what is to be skipped and has arrived is read, even if
// what is kept filled the rest of the loop's buffer.
func TestSkipBehindFullBuffer(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{})
	size := ls.options.MaxMessage
	const small, large = "skip 00001\n", "skip 60000\n"
	// The first read fills half of the buffer and ends with what is kept. The next one
	// fills the rest and ends with another.
	fill := func(length int) string {
		const message = "ask for something.........\n"
		text := strings.Repeat(message, length/len(message)-1)
		return text + "ask for" + strings.Repeat(" ", length-len(text)-len("ask for\n")) + "\n"
	}
	text := fill(size-len(small)) + small + "b" + fill(size-1-len(large)) + large + strings.Repeat("b", 60000) + "ask zz\n"
	c := ls.dial(t)
	go func() { _, _ = io.WriteString(c, text) }()
	enginetest.Await(t, "what was sent", func() bool {
		waiting, err := unix.IoctlGetInt(ls.loops[0].idle.first.of.fd, unix.TIOCINQ)
		return err != nil || waiting == len(text)
	})
	ls.settle(t)
	b := &strings.Builder{}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for one := make([]byte, 64<<10); !strings.Contains(b.String(), "yes zz"); ls.settle(t) {
		n, err := c.Read(one)
		b.Write(one[:n])
		if err != nil {
			break
		}
	}
	if got := b.String(); strings.Contains(got, "bye") || !strings.Contains(got, "yes zz") {
		t.Errorf("the last responses are %q", got[max(len(got)-400, 0):])
	}
}

// TestConditionsAreLoggedApart: a lasting condition does not hide another.
func TestConditionsAreLoggedApart(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e := New(testOptions(Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), MaxConnections: 7}), newToy)
	for range 3 {
		e.noteConnectionLimit()
		e.noteHeldLimit()
		for _, name := range []string{"EMFILE", "ENOBUFS"} {
			e.noteAcceptError(name, name+": it failed")
		}
	}
	var got []string
	for line := range strings.Lines(log.String()) {
		_, line, _ = strings.Cut(line, " ") // without the time
		got = append(got, line)
	}
	want := []string{
		"level=WARN msg=\"connection limit reached\" limit=7\n",
		"level=WARN msg=\"incomplete requests hold too much memory; the oldest are refused\" limit=67108864\n",
		"level=WARN msg=\"cannot accept a connection\" error=\"EMFILE: it failed\" connections=0\n",
		"level=WARN msg=\"cannot accept a connection\" error=\"ENOBUFS: it failed\" connections=0\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("logged %q", got)
	}
}
