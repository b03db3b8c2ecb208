package core

// SHA-256 leaves copies of its input in its stack frames: the message behind
// the salt, and the last, incomplete block in each copy of its state. Go clears
// no frame when a function returns, and when a stack is too small, Go copies it
// to a larger one and leaves the old one as it was. So a function that hands a
// token to the hash calls growStack before and wipeStack after, and wiping
// needs no more stack than growStack has made sure of.

const (
	// stackDepth is how far below its caller wipeStack clears the stack. The
	// hash's frames take less on every platform, even with what the runtime
	// stores below them when it interrupts them: see TestHashDepth, which
	// measures it, and RATIONALE.md.
	stackDepth = 2560
	// stackReserve is how much stack growStack makes sure of: what wipeStack
	// takes, and as much again as the runtime asks of a stack that it leaves
	// alone.
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

// wipeStack clears the stack below its caller's frame, and the registers as
// wipeRegisters does, which would take as long again for zeros of its own.
//
//go:noinline
func wipeStack() {
	var frame [stackDepth]byte
	moveZeros(frame[registerStep:][:registerBytes], frame[:registerBytes])
	readZeros(frame[:registerBytes])
}

// Wipe overwrites b with zeros, and the registers that copies of b may have
// gone through: a signal would store these on its stack for good.
func Wipe(b []byte) {
	clear(b)
	wipeRegisters()
}

const (
	// registerBytes is what the vector registers hold together. On amd64,
	// copying 256 bytes takes all sixteen of them. Elsewhere it takes others, and
	// overwrites these; see readZeros for the vector registers there.
	registerBytes = 256
	// registerStep keeps the two places of the copy apart, which overlap: all
	// of it is read before any of it is written.
	registerStep = 16
)

// wipeRegisters moves zeros through the registers that bytes go through.
func wipeRegisters() {
	var zeros [registerStep + registerBytes]byte
	moveZeros(zeros[registerStep:], zeros[:registerBytes])
	readZeros(zeros[:])
}

// moveZeros is not inlined, so that the compiler knows neither the length, and
// calls the general copying routine, nor what becomes of the arrays, and clears
// all of them.
//
//go:noinline
func moveZeros(to, from []byte) { copy(to, from) }
