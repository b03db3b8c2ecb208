// Package undisturbed runs code that handles secrets so that nobody copies what
// it is working on: not the runtime, which moves stacks and leaves the old ones
// as they were, and on Linux not the kernel either, which stores a thread's
// registers on its signal stack when it delivers a signal, such as those that
// the scheduler interrupts threads with.
package undisturbed

// ballastSize makes the stack in use more than a quarter of any stack that f
// can come to need, 96 KiB: the garbage collector then never shrinks it, that
// is, moves it.
const ballastSize = 24 << 10

// Run calls f and returns when f does. f should not need more than about 40 KiB
// of stack. An error means that f was not called.
func Run(f func()) error {
	release, err := blockSignals()
	if err != nil {
		return err
	}
	defer release()
	withBallast(f)
	return nil
}

//go:noinline
func withBallast(f func()) {
	var ballast [ballastSize]byte
	keep(&ballast)
	f()
	keep(&ballast)
}

// keep keeps the compiler from leaving the ballast out.
//
//go:noinline
func keep(*[ballastSize]byte) {}
