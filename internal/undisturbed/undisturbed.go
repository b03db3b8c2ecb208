// Package undisturbed runs code that handles secrets so that nobody copies what
// it is working on: not the runtime, which moves stacks and leaves the old ones
// as they were, and on Linux not the kernel either, which stores a thread's
// registers on its signal stack when it delivers a signal, such as those that
// the scheduler interrupts threads with.
package undisturbed

// A goroutine begins on a small stack. One that needs more is given a stack of
// twice the size, or of as many times that as it takes; and the garbage
// collector halves a stack of which less than a quarter is in use. So a stack of
// 64 KiB stays where it is if more than 16 KiB of it are always in use.
const (
	wholeSize   = 60 << 10                // makes the stack 64 KiB
	ballastSize = 24 << 10                // in use for as long as f runs
	restSize    = wholeSize - ballastSize // what f can use
)

// Run calls f in a goroutine of its own and returns when f does. f has 32 KiB of
// stack; if it needs more, the stack moves. An error means that f was not
// called.
func Run(f func()) (err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		var s signals
		if err = s.block(); err != nil {
			return
		}
		defer s.release()
		growStack(false)
		withBallast(false, f)
	}()
	<-done
	return err
}

// Uninterrupted calls f in the calling goroutine. It is for code that has nothing
// secret on its stack, but passes secrets through registers, and wipes these at
// its end. f should not wait for anything: its thread waits with it. If the system
// refuses to block signals, f is called all the same.
func Uninterrupted(f func()) {
	var s signals
	if s.block() == nil {
		defer s.release()
	}
	f()
}

// The functions below have frames of a certain size, which the stack must have
// room for when they are entered. touch is always false: nothing is written to
// the frames, so they take no memory.

// growStack makes the stack as large as it is to be. If the ballast came first,
// it would be copied.
//
//go:noinline
func growStack(touch bool) {
	if touch {
		var frame [wholeSize]byte
		keep(frame[:])
	}
}

//go:noinline
func withBallast(touch bool, f func()) {
	if touch {
		var frame [ballastSize]byte
		keep(frame[:])
	}
	growRest(false) // the collector may have come in between
	f()
}

//go:noinline
func growRest(touch bool) {
	if touch {
		var frame [restSize]byte
		keep(frame[:])
	}
}

// keep keeps the compiler from leaving a frame out.
//
//go:noinline
func keep([]byte) {}
