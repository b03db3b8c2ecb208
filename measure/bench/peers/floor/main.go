// Command floor is the floor of the measurement where no C compiler is installed:
// the same loop as ../floor.c, with raw system calls, of which Go's scheduler knows
// nothing. It answers fixed bytes, and looks at no token.
package main

import (
	"bytes"
	"fmt"
	"log"
	"net/netip"
	"runtime/debug"
	"syscall"
	"unsafe"

	"github.com/concrete-security/auth-service/measure/bench/peers/peer"
)

const (
	batch   = 64
	backlog = 4096
	edges   = 1 << 31 // EPOLLET, which package syscall has as a negative number
)

var (
	answer  = []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	headEnd = []byte("\r\n\r\n")
)

func main() {
	// A collection waits until every goroutine has heard of it, and this one never
	// does. Nothing is allocated while the loop runs.
	debug.SetGCPercent(-1)
	log.Fatal(run())
}

func run() error {
	s, err := peer.FromEnvironment()
	if err != nil {
		return err
	}
	tcp, err := netip.ParseAddrPort(s.TCP)
	if err != nil {
		return err
	}
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	l := &loop{epoll: epoll}
	for i, address := range []syscall.Sockaddr{
		&syscall.SockaddrInet4{Addr: tcp.Addr().As4(), Port: int(tcp.Port())},
		&syscall.SockaddrUnix{Name: s.Unix},
	} {
		family := [...]int{syscall.AF_INET, syscall.AF_UNIX}[i]
		if l.listeners[i], err = listener(family, address); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		if err := l.watch(l.listeners[i], syscall.EPOLLIN); err != nil {
			return err
		}
	}
	return l.run()
}

func listener(family int, address syscall.Sockaddr) (int, error) {
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	if err := syscall.Bind(fd, address); err != nil {
		return 0, err
	}
	return fd, syscall.Listen(fd, backlog)
}

type loop struct {
	epoll     int
	listeners [2]int
	events    [batch]syscall.EpollEvent
	request   [4096]byte
}

func (l *loop) watch(fd int, events uint32) error {
	event := syscall.EpollEvent{Events: events, Fd: int32(fd)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(l.epoll), syscall.EPOLL_CTL_ADD,
		uintptr(fd), uintptr(unsafe.Pointer(&event)), 0, 0)
	if errno != 0 {
		return fmt.Errorf("epoll_ctl: %w", errno)
	}
	return nil
}

func (l *loop) run() error {
	const ended = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	forever := -1
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(l.epoll),
			uintptr(unsafe.Pointer(&l.events[0])), batch, uintptr(forever), 0, 0)
		if errno == syscall.EINTR {
			continue
		}
		if errno != 0 {
			return fmt.Errorf("epoll_pwait: %w", errno)
		}
		for _, event := range l.events[:n] {
			fd := int(event.Fd)
			switch {
			case fd == l.listeners[0] || fd == l.listeners[1]:
				if err := l.accept(fd); err != nil {
					return err
				}
			case !l.serve(fd) || event.Events&ended != 0:
				closeRaw(fd)
			}
		}
	}
}

// accept takes one connection and answers its request, which has usually arrived
// with it.
func (l *loop) accept(listener int) error {
	fd, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(listener), 0, 0,
		syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return nil //nolint:nilerr // the client has gone
	}
	if l.serve(int(fd)) {
		return l.watch(int(fd), syscall.EPOLLIN|syscall.EPOLLRDHUP|edges)
	}
	closeRaw(int(fd))
	return nil
}

// serve answers the request that has arrived. It reports whether the connection
// stays open.
func (l *loop) serve(fd int) bool {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(&l.request[0])), uintptr(len(l.request)), 0, 0, 0)
	if errno == syscall.EAGAIN {
		return true
	}
	if errno != 0 || !bytes.HasSuffix(l.request[:n], headEnd) {
		return false
	}
	end := bytes.IndexByte(l.request[:n], '\r')
	old := end > 0 && l.request[end-1] == '0' // a client of HTTP/1.0 waits for the end of the connection
	sent, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(&answer[0])), uintptr(len(answer)), syscall.MSG_NOSIGNAL, 0, 0)
	return errno == 0 && int(sent) == len(answer) && !old
}

func closeRaw(fd int) { _, _, _ = syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0) }
