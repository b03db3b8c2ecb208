package secret

import (
	"errors"
	"runtime"
	"testing"
	"unsafe"
)

//go:noinline
func addressOf(b *byte) uintptr { return uintptr(unsafe.Pointer(b)) }

// takeStack uses size bytes of stack, and a little more.
//
//go:noinline
func takeStack(size int) {
	var frame [256]byte
	if size > 0 {
		takeStack(size - len(frame))
	}
	keep(frame[:])
}

// TestUndisturbedStackStaysWhereItIs: the stack does not grow if f uses all that it may, and
// does not shrink if f uses next to nothing and the collector runs.
func TestUndisturbedStackStaysWhereItIs(t *testing.T) {
	for range 20 {
		moved, collections := 0, 0
		err := Undisturbed(func() {
			var here byte
			at := addressOf(&here)
			for size := 256; size <= 28<<10; size += 256 {
				takeStack(size) // its frames are a little larger than it says
				if addressOf(&here) != at {
					moved++
				}
				at = addressOf(&here)
			}
			for range 4 {
				runtime.GC() // waits, so that this stack is scanned and may shrink
				collections++
				if addressOf(&here) != at {
					moved++
				}
				at = addressOf(&here)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if moved > 0 || collections == 0 {
			t.Fatalf("the stack moved %d times", moved)
		}
	}
}

// TestOrdinaryStackMoves is the control: without Undisturbed, the stack moves in both
// cases.
func TestOrdinaryStackMoves(t *testing.T) {
	grew, shrank := false, false
	done := make(chan struct{})
	go func() {
		defer close(done)
		var here byte
		at := addressOf(&here)
		takeStack(28 << 10)
		grew = addressOf(&here) != at
		for range 10 {
			at = addressOf(&here)
			runtime.GC()
			shrank = shrank || addressOf(&here) != at
		}
	}()
	<-done
	if !grew || !shrank {
		t.Errorf("grew: %v, shrank: %v", grew, shrank)
	}
}

func TestUndisturbedWaits(t *testing.T) {
	var failure error
	if err := Undisturbed(func() { failure = errors.New("a failure") }); err != nil || failure == nil {
		t.Errorf("%v, %v", err, failure)
	}
}

func TestUninterruptedAllocatesNothing(t *testing.T) {
	calls := 0
	if n := testing.AllocsPerRun(100, func() { Uninterrupted(func() { calls++ }) }); n != 0 || calls == 0 {
		t.Errorf("%v allocations, %d calls", n, calls)
	}
}
