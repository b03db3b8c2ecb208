package engine

import (
	"testing"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// TestRecordsAreUsedAgain: the record of a connection that has ended is used for the
// next one, as if it were new, unless other loops may know it.
func TestRecordsAreUsedAgain(t *testing.T) {
	t.Parallel()
	ls := newTestLoops(t, 1, Options{})
	l := ls.loops[0]
	come := func() (*conn[toy], func()) {
		c := enginetest.Dial(t, ls.address)
		ls.settle(t)
		return l.idle.last.of, func() { _ = c.Close(); ls.settle(t) }
	}
	first, leave := come()
	first.State.skipped, first.drained = 7, true
	leave()
	again, leave := come()
	if again != first {
		t.Error("the record is not used again")
	}
	if again.State != (toy{}) || again.peer != again || again.wait.of != again || l.conn(again.fd) != again {
		t.Errorf("the record is not as a new one: %+v", again)
	}
	l.accountBytes(again, 1)
	l.accountBytes(again, 0)
	leave()
	if other, _ := come(); other == first {
		t.Error("a record is used again that another loop may know")
	}
	for range maxSpareConns + 10 {
		l.recycle(new(conn[toy]))
	}
	if n := len(l.spareConns); n != maxSpareConns {
		t.Errorf("%d records are kept", n)
	}
}
