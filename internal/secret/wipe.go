package secret

// Wipe overwrites b with zeros. It also overwrites the registers that copies of
// b may have gone through, because a signal would store them on its stack for
// good. Wipe(nil) overwrites the registers alone.
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
