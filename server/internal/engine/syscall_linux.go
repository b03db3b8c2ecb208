package engine

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// These are system calls on non-blocking descriptors. As they never sleep,
// they do not tell the scheduler that they might: that would cost as much as
// the rest of a request in user space.

// receive reads from a socket. recvfrom(2) goes a shorter way through the kernel than
// read(2), and so does sendto(2).
func receive(fd int, b []byte) (int, error) {
	return result(unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0))
}

// send writes to a socket. If the end follows at once, the bytes wait in the kernel for
// it: then one TCP segment carries both.
func send(fd int, b []byte, endFollows bool) (int, error) {
	flags := uintptr(unix.MSG_NOSIGNAL)
	if endFollows {
		flags |= unix.MSG_MORE
	}
	return result(unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0))
}

// accept is accept4(2) without asking for the peer's address, which is seldom
// needed and can be had later.
func accept(socket int) (int, error) {
	return result(unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(socket), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0))
}

// closeSocket closes a connection. It does not sleep, because no socket lingers
// (SO_LINGER).
func closeSocket(fd int) {
	_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
}

// wakeUp makes an eventfd readable. It fails only if the counter is about to
// overflow: then the descriptor is readable anyway.
func wakeUp(eventfd int) {
	one := uint64(1)
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(eventfd), uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one))
}

// quieten makes an eventfd unreadable.
func quieten(eventfd int) {
	var count uint64
	_, _, _ = unix.RawSyscall(unix.SYS_READ, uintptr(eventfd), uintptr(unsafe.Pointer(&count)), unsafe.Sizeof(count))
}

// waitHere is epoll_wait(2) for at most timeout milliseconds. It does not tell the
// scheduler that it sleeps. See [loop.wait].
func waitHere(poll int, events []unix.EpollEvent, timeout int) (int, error) {
	return result(unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(poll), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(timeout), 0, 0))
}

// pread reads the beginning of a file of /proc.
func pread(fd int, b []byte) (int, error) {
	return result(unix.RawSyscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0))
}

func result(n, _ uintptr, errno unix.Errno) (int, error) {
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
