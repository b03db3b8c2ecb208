package undisturbed

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// signals is the signal mask that the thread had before block.
type signals struct{ before unix.Sigset_t }

// block keeps signals from the calling goroutine's thread, except those that its
// own faults raise. The scheduler then preempts it at function calls only.
func (s *signals) block() error {
	var all unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	const bits = 8 * unsafe.Sizeof(all.Val[0])
	for _, s := range []unix.Signal{unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGTRAP, unix.SIGABRT, unix.SIGSYS} {
		all.Val[uintptr(s-1)/bits] &^= 1 << (uintptr(s-1) % bits)
	}
	runtime.LockOSThread()
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &s.before); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("blocking signals: %w", err)
	}
	return nil
}

// release undoes block.
func (s *signals) release() {
	// This cannot fail, because the mask is from the kernel.
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &s.before, nil)
	runtime.UnlockOSThread()
}
