package engine

import (
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// TestOneSegmentBringsTheEnd: the last response and the end of what is sent arrive
// together. While the engine drains, they do not: the client may have sent more, and the
// response must not be lost.
func TestOneSegmentBringsTheEnd(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{})
	l := ls.loops[0]
	segments := func() uint32 {
		c := ls.dial(t)
		before := segmentsIn(t, c)
		ls.send(t, c, "what\n")
		if text, ended := received(t, c); !isLast(text) || !ended {
			t.Fatalf("received %q, ended: %v", text, ended)
		}
		return segmentsIn(t, c) - before
	}
	// The first may acknowledge the request only.
	if n := segments(); n > 2 {
		t.Errorf("%d segments have come in", n)
	}
	for _, c := range []struct {
		then              Next
		drained, draining bool
		want              bool
	}{
		{CloseLastly, false, false, true},
		{CloseLastly, true, true, true},
		{CloseNow, true, false, true},
		{CloseNow, false, false, false},
		{CloseNow, true, true, false},
		{Read, true, false, false},
		{Again, true, false, false},
		{Skip, true, false, false},
	} {
		l.draining = c.draining
		if got := l.endFollows(&conn[toy]{drained: c.drained}, c.then); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	l.draining = false
}

// segmentsIn is how many TCP segments have come in.
func segmentsIn(t *testing.T, c net.Conn) (n uint32) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			t.Fatal(err)
		}
		n = info.Segs_in
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLateMessages: after a connection that brought nothing, a loop does not look for the
// messages of the next ones when it accepts them. It answers them all the same, and looks
// again after a while.
func TestLateMessages(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{})
	l := ls.loops[0]
	silent := ls.dial(t)
	defer silent.Close()
	if l.late != lateConnections {
		t.Fatalf("late is %d", l.late)
	}
	// answeredAtOnce reports whether the round that accepts a connection also answers it.
	answeredAtOnce := func() bool {
		c := enginetest.Dial(t, ls.address)
		defer c.Close()
		if _, err := io.WriteString(c, ask); err != nil {
			t.Fatal(err)
		}
		if err := l.round(0); err != nil {
			t.Fatal(err)
		}
		text, _ := received(t, c)
		atOnce := text != ""
		if !atOnce {
			ls.settle(t)
			text, _ = received(t, c)
		}
		if firstWord(text) != "yes" {
			t.Fatalf("received %q", text)
		}
		return atOnce
	}
	for i := range lateConnections {
		if answeredAtOnce() {
			t.Fatalf("connection %d was read from at once", i)
		}
	}
	if !answeredAtOnce() {
		t.Error("the loop does not look again for messages that come early")
	}
}
