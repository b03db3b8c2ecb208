package secret

const (
	// stackDepth is how far below Do's frame the stack is cleared. What core does
	// with a token takes less on every platform, even with what the runtime
	// stores when it interrupts it. TestDepth measures this; see RATIONALE.md.
	stackDepth = 3584
	// stackReserve is how much stack Do makes room for: what clearing takes, and
	// what the runtime wants to stay free on a stack that it does not move.
	stackReserve = stackDepth + 1536
)

// Do calls f and then clears the stack and the registers that f used, so that
// nothing of a secret stays there. Before, it makes room on the stack, so that
// the stack does not move while f runs and leave a copy behind. Do allocates
// nothing, and neither does a function literal that is handed to it.
//
// f may use 2 KiB of stack, which is enough for any one function of package
// core. What f uses beyond that is not cleared. If f panics, nothing is.
//
//go:noinline
func Do(f func()) {
	// Do is not inlined, and so f is not either: its frame must lie below.
	growStack(false)
	f()
	wipeStack()
}

// growStack has a frame of stackReserve bytes. Entering it is enough to make
// the stack that large; touch is false, so nothing is written.
//
//go:noinline
func growStack(touch bool) {
	if touch {
		var frame [stackReserve]byte
		moveZeros(frame[:], nil)
	}
}

// wipeStack clears the stack below its caller's frame. It clears the registers
// too, like wipeRegisters, which would take as long again to make its own zeros.
//
//go:noinline
func wipeStack() {
	var frame [stackDepth]byte
	moveZeros(frame[registerStep:][:registerBytes], frame[:registerBytes])
	readZeros(frame[:registerBytes])
}
