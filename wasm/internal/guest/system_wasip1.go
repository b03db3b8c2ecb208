package guest

import (
	"errors"
	"io"
	"unsafe"
)

// The WASI functions are called directly: package crypto/rand ends the program
// where the host has no randomness, and package time tells no error and asks
// for two clocks.

//go:wasmimport wasi_snapshot_preview1 random_get
//go:noescape
func randomGet(buffer unsafe.Pointer, size uint32) (errno uint32)

//go:wasmimport wasi_snapshot_preview1 clock_time_get
//go:noescape
func clockTimeGet(clock uint32, precision uint64, result unsafe.Pointer) (errno uint32)

// Random is the host's random source.
func Random() io.Reader { return random{} }

type random struct{}

func (random) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if errno := randomGet(unsafe.Pointer(&p[0]), uint32(len(p))); errno != 0 {
		return 0, errors.New("the host has no randomness")
	}
	return len(p), nil
}

// Now asks the host's clock for the Unix second. It is false if the host has
// none.
func Now() (seconds int64, ok bool) {
	const realtime, second = 0, 1_000_000_000
	var nanoseconds int64
	if clockTimeGet(realtime, second, unsafe.Pointer(&nanoseconds)) != 0 {
		return 0, false
	}
	seconds = nanoseconds / second
	if nanoseconds%second < 0 {
		seconds--
	}
	return seconds, true
}
