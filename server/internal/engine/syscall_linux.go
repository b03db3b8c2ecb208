package engine

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// These are system calls on non-blocking descriptors. As they never sleep,
// they do not tell the scheduler that they might: that would cost as much as
// the rest of a request in user space.

func read(fd int, b []byte) (int, error) {
	return transfer(unix.SYS_READ, fd, b)
}

func write(fd int, b []byte) (int, error) {
	return transfer(unix.SYS_WRITE, fd, b)
}

// accept is accept4(2) without asking for the peer's address, which is seldom
// needed and can be had later.
func accept(socket int) (int, error) {
	fd, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(socket), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

func transfer(call uintptr, fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
