package undisturbed

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// blockSignals keeps signals from the calling goroutine's thread, but for those
// that a fault of its own raises. The scheduler falls back on asking at
// function calls.
func blockSignals() (release func(), err error) {
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	const bits = 8 * unsafe.Sizeof(all.Val[0])
	for _, s := range []unix.Signal{unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGTRAP, unix.SIGABRT, unix.SIGSYS} {
		all.Val[uintptr(s-1)/bits] &^= 1 << (uintptr(s-1) % bits)
	}
	runtime.LockOSThread()
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before); err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("blocking signals: %w", err)
	}
	return func() {
		// It cannot fail with a mask that the kernel has given out.
		_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
		runtime.UnlockOSThread()
	}, nil
}
