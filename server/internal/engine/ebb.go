package engine

import (
	"runtime/debug"
	"sync/atomic"
	"time"
)

// An ebb returns memory to the system when a crowd of connections has gone.
//
// Go's collector would find what the crowd has left within two minutes. But it keeps
// four megabytes and more for the next one, which is as much as everything else that
// the process needs.
type ebb struct {
	crowd   int           // so many connections of a loop are a crowd
	delay   time.Duration // until memory is returned, and so at least between two times
	free    func()        // collects the garbage and returns the memory
	pending atomic.Bool
}

// newEbb returns an ebb that is gone through once in five seconds at most, because a
// collection takes time in proportion to the keyring.
func newEbb() ebb { return ebb{crowd: 1000, delay: 5 * time.Second, free: debug.FreeOSMemory} }

// begin lets memory be returned after the delay. Any goroutine may call it.
func (e *ebb) begin() {
	if e.pending.CompareAndSwap(false, true) {
		time.AfterFunc(e.delay, func() {
			e.pending.Store(false)
			e.free()
		})
	}
}
