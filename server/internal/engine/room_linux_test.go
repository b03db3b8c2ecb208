package server

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/server/internal/http1"
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
	ls.send(t, conns[0], testAuth)
	readHead(t, conns[0])
	ls.pass(time.Second)
	for i, longest := range []net.Conn{conns[1], conns[2], conns[3], conns[0]} {
		c := ls.dial(t)
		ls.send(t, c, testAuth)
		if text, ended := received(t, c); status(text) != "200" || ended {
			t.Errorf("new connection %d got %q", i, text)
		}
		if _, ended := received(t, longest); !ended {
			t.Errorf("for new connection %d, the one that had been idle longest is not closed", i)
		}
		if open := ls.connections.Load(); open != 4 {
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
		ls.send(t, c, strings.Replace(testAuth, "\r\n\r\n", "\r\nContent-Length: 9\r\n\r\nhalf", 1))
		end()
		ls.settle(t)
		if text, ended := received(t, c); status(text) != "200" || !ended {
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
	head := "GET /auth HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("a:"+strings.Repeat(" ", 8000)+"b\r\n", 3)
	var conns []net.Conn
	for i := range 60 {
		for j, l := range ls.loops { // they take turns
			l.accepting = j == i%2
			l.watchSockets(l.accepting)
		}
		c := ls.dial(t)
		ls.send(t, c, head)
		conns = append(conns, c)
		if held := ls.Stats().Held; held > limit {
			t.Fatalf("after %d requests, %d bytes are held", i+1, held)
		}
	}
	if ls.loops[0].heads.first == nil || ls.loops[1].heads.first == nil {
		t.Error("one loop has all incomplete requests")
	}
	refused := 0
	for i, c := range conns {
		text, _ := received(t, c)
		if status(text) != "503" {
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
		ls.send(t, c, "Authorization: Bearer "+testToken+"\r\n\r\n")
		if text, _ := received(t, c); status(text) != "200" {
			t.Errorf("a request that is complete got %q", text)
		}
	}
	if held := ls.Stats().Held; held != 0 {
		t.Errorf("%d bytes are held for nothing", held)
	}
}

// TestYoungRequestsStay: a connection that is always in the middle of a request is
// as young as its latest request.
func TestYoungRequestsStay(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{MaxHeldBytes: 64 << 10})
	head := "GET /auth HTTP/1.1\r\nHost: a\r\na:" + strings.Repeat(" ", 8000)
	busy, old := ls.dial(t), ls.dial(t)
	ls.send(t, busy, head)
	ls.send(t, old, head)
	ls.send(t, busy, "b\r\nAuthorization: Bearer "+testToken+"\r\n\r\n"+head)
	if got := readHead(t, busy); status(got) != "200" {
		t.Fatalf("got %q", got)
	}
	for range 7 { // 8 KiB each; the eighth is one too many
		ls.send(t, ls.dial(t), head)
	}
	if text, _ := received(t, old); status(text) != "503" {
		t.Errorf("the oldest request got %q", text)
	}
	if text, ended := received(t, busy); text != "" || ended {
		t.Errorf("a younger request of an old connection got %q", text)
	}
}

// blockedConns are those whose clients do not read.
func (ls *testLoops) blockedConns() (conns []*conn) {
	for _, l := range ls.loops {
		for w := l.blocked.first; w != nil; w = w.next {
			conns = append(conns, w.conn)
		}
	}
	return conns
}

// TestDeafClientsAreBounded: what is held for clients that do not read counts too.
func TestDeafClientsAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 256 << 10
	ls := newTestLoops(t, 2, Options{MaxHeldBytes: limit})
	requests := strings.Repeat(testAuth, 200)
	for range 20 {
		c := ls.dial(t)
		_ = c.(*net.TCPConn).SetReadBuffer(1)
		_ = c.SetWriteDeadline(time.Now().Add(20 * time.Second))
		before := ls.blockedConns()
		isNew := func(blocked *conn) bool { return !slices.Contains(before, blocked) }
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
		if counted := ls.Stats().Held; counted != held || held == 0 || held > limit {
			t.Fatalf("%d bytes are held, and %d are counted", held, counted)
		}
	}
}

// TestBodyBehindFullBuffer: a body that has arrived is read, even if its head
// filled the rest of the loop's buffer.
func TestBodyBehindFullBuffer(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{})
	const small = "POST /auth HTTP/1.1\r\nHost: a\r\nContent-Length: 00001\r\n\r\n"
	large := strings.Replace(small, "00001", "60000", 1)
	// The first read fills half of the buffer and ends with a head. The next one
	// fills the rest and ends with another.
	fill := func(size int) string {
		const head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
		text := strings.Repeat(head, size/len(head)-1)
		return text + strings.Replace(head, "/", "/"+strings.Repeat("x", size-len(text)-len(head)), 1)
	}
	text := fill(http1.MaxHead-len(small)) + small + "b" + fill(http1.MaxHead-1-len(large)) + large + strings.Repeat("b", 60000) + testAuth
	c := ls.dial(t)
	go func() { _, _ = io.WriteString(c, text) }()
	await(t, "what was sent", func() bool {
		waiting, err := unix.IoctlGetInt(ls.loops[0].idle.first.conn.fd, unix.TIOCINQ)
		return err != nil || waiting == len(text)
	})
	ls.settle(t)
	b := &strings.Builder{}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for one := make([]byte, 64<<10); !strings.Contains(b.String(), " 200 OK\r\n"); ls.settle(t) {
		n, err := c.Read(one)
		b.Write(one[:n])
		if err != nil {
			break
		}
	}
	if got := b.String(); strings.Contains(got, "Connection: close") || !strings.Contains(got, " 200 OK\r\n") {
		t.Errorf("the last responses are %q", got[max(len(got)-400, 0):])
	}
}

// TestConditionsAreLoggedApart: a lasting condition does not hide another.
func TestConditionsAreLoggedApart(t *testing.T) {
	t.Parallel()
	lines := &logLines{}
	s := New(nil, Options{Logger: slog.New(slog.NewJSONHandler(lines, nil)), MaxConnections: 7})
	for range 3 {
		s.noteConnectionLimit()
		s.noteHeldLimit()
		for _, name := range []string{"EMFILE", "ENOBUFS"} {
			s.noteAcceptError(name, name+": it failed")
		}
	}
	var got []string
	for _, line := range lines.take(t) {
		got = append(got, fmt.Sprint(line["msg"], " ", line["error"]))
	}
	want := []string{
		"connection limit reached <nil>",
		"incomplete requests hold too much memory; the oldest are refused <nil>",
		"cannot accept a connection EMFILE: it failed",
		"cannot accept a connection ENOBUFS: it failed",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged:\n%s", strings.Join(got, "\n"))
	}
}
