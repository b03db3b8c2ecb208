package secret

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// A signalSet is the kernel's set of signals: words of the machine's size, with a
// bit for each signal. It has room for 128 signals, which MIPS has; other machines
// have 64.
type signalSet [128 / wordBits]uintptr

const wordBits = 8 * int(unsafe.Sizeof(uintptr(0)))

func (s *signalSet) remove(signal syscall.Signal) {
	n := int(signal) - 1
	s[n/wordBits] &^= 1 << (n % wordBits)
}

// signals is the signal mask that the thread had before block.
type signals struct{ before signalSet }

// block keeps signals from the calling goroutine's thread, except those that its
// own faults raise. The scheduler then preempts it at function calls only.
func (s *signals) block() error {
	var all signalSet
	for i := range all {
		all[i] = ^all[i]
	}
	for _, fault := range [...]syscall.Signal{
		syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT, syscall.SIGSYS,
	} {
		all.remove(fault)
	}
	runtime.LockOSThread()
	if errno := setMask(&all, &s.before); errno != 0 {
		runtime.UnlockOSThread()
		return fmt.Errorf("blocking signals: %w", errno)
	}
	return nil
}

// release undoes block.
func (s *signals) release() {
	// This cannot fail, because the mask is from the kernel.
	_ = setMask(&s.before, nil)
	runtime.UnlockOSThread()
}

// setMask sets the thread's signal mask and stores the former one in before, if
// that is not nil; see rt_sigprocmask(2).
func setMask(mask, before *signalSet) syscall.Errno {
	set, size := uintptr(2), unsafe.Sizeof(uint64(0)) // SIG_SETMASK; 64 signals
	if strings.HasPrefix(runtime.GOARCH, "mips") {
		set, size = 3, unsafe.Sizeof([2]uint64{})
	}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, set, uintptr(unsafe.Pointer(mask)), uintptr(unsafe.Pointer(before)), size, 0, 0)
	return errno
}
