package core

// SHA-256 leaves copies of its input in its stack frames: the message after the
// salt, and the last, incomplete block in each copy of its state. Go does not
// clear a frame when a function returns. When a stack is too small, Go copies it
// to a larger one and leaves the old one as it was. So a function that hashes a
// token calls growStack before and wipeStack after. Wiping needs no more stack
// than growStack has made room for.

const (
	// stackDepth is how far below its caller wipeStack clears the stack. The
	// hash's frames take less on every platform, even with what the runtime
	// stores below them when it interrupts them. TestHashDepth measures this;
	// see RATIONALE.md.
	stackDepth = 2560
	// stackReserve is how much stack growStack makes room for: what wipeStack
	// takes, and what the runtime wants to stay free on a stack that it does
	// not move.
	stackReserve = stackDepth + 1536
)

// growStack makes the stack below its caller's frame large enough for the hash
// and for wiping, so that it does not move before both are done.
func growStack() { stackFrame(false) }

// stackFrame has a frame of stackReserve bytes. Entering it is enough to make
// the stack that large; touch is false, so nothing is written.
//
//go:noinline
func stackFrame(touch bool) {
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

// Wipe overwrites b with zeros. It also overwrites the registers that copies of
// b may have gone through, because a signal would store them on its stack for
// good.
func Wipe(b []byte) {
	clear(b)
	wipeRegisters()
}

const (
	// registerBytes is what the vector registers hold together. On amd64,
	// copying 256 bytes takes all sixteen of them. Elsewhere it takes others, and
	// overwrites these; see readZeros for the vector registers there.
	registerBytes = 256
	// registerStep is the distance between source and destination of the copy.
	// They overlap, so all of it is read before any of it is written.
	registerStep = 16
)

// wipeRegisters moves zeros through the registers that bytes go through.
func wipeRegisters() {
	var zeros [registerStep + registerBytes]byte
	moveZeros(zeros[registerStep:], zeros[:registerBytes])
	readZeros(zeros[:])
}

// moveZeros is not inlined. So the compiler does not know the length, and calls
// the general copying routine. Nor does it know what becomes of the arrays, so it
// clears all of them.
//
//go:noinline
func moveZeros(to, from []byte) { copy(to, from) }
