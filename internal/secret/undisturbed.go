package secret

// A goroutine begins on a small stack. If it needs more, the runtime doubles the
// stack until it fits. The garbage collector halves a stack of which less than a
// quarter is in use. So a stack of 64 KiB stays where it is if more than 16 KiB of
// it are always in use.
const (
	wholeSize   = 60 << 10                // makes the stack 64 KiB
	ballastSize = 24 << 10                // in use for as long as f runs
	restSize    = wholeSize - ballastSize // what f can use
	usedSize    = restSize - 2<<10        // what is cleared; clearing needs some itself
)

// Undisturbed calls f in a goroutine of its own and returns when f does. Until
// then the goroutine's stack does not move, and on Linux its thread takes no
// signals. Undisturbed clears the stack and the registers that f used. f may use
// 32 KiB of stack; if it needs more, the stack moves. An error means that f was
// not called.
func Undisturbed(f func()) (err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		var s signals
		if err = s.block(); err != nil {
			return
		}
		defer s.release()
		growWhole(false)
		withBallast(false, f)
	}()
	<-done
	return err
}

// Uninterrupted calls f in the calling goroutine while its thread takes no
// signals. It is for code that has no secrets on its stack, but passes them
// through registers and wipes these at its end. f should not wait for anything,
// because its thread waits with it. If the system refuses to block signals,
// Uninterrupted still calls f.
func Uninterrupted(f func()) {
	var s signals
	if s.block() == nil {
		defer s.release()
	}
	f()
}

// The functions below have frames of a certain size. The stack must have room for
// a frame when its function is entered. touch is always false: nothing is written
// to the frames, so they take no memory.

// growWhole gives the stack its final size. If the ballast came first, it would be
// copied.
//
//go:noinline
func growWhole(touch bool) {
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
	wipeRest()
}

//go:noinline
func growRest(touch bool) {
	if touch {
		var frame [restSize]byte
		keep(frame[:])
	}
}

// wipeRest clears what f has used of the stack, and the registers.
//
//go:noinline
func wipeRest() {
	var frame [usedSize]byte
	moveZeros(frame[registerStep:][:registerBytes], frame[:registerBytes])
	readZeros(frame[:registerBytes])
}

// keep prevents the compiler from leaving out a frame.
//
//go:noinline
func keep([]byte) {}
