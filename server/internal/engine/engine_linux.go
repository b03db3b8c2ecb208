package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// serve runs one event loop for each processor until ctx is done and all
// connections are closed.
func (s *Server) serve(ctx context.Context, listeners []net.Listener) error {
	sockets, rest, err := takeSockets(listeners)
	if err != nil {
		return err
	}
	loops := make([]*loop, s.options.Loops)
	var listening atomic.Int32
	listening.Store(int32(len(loops)))
	defer func() {
		if listening.Load() > 0 { // or the last loop has closed them
			for _, fd := range sockets {
				unix.Close(fd)
			}
		}
	}()
	for i := range loops {
		if loops[i], err = newLoop(s, sockets, &listening, &loops); err != nil {
			for _, l := range loops[:i] {
				l.release()
			}
			return err
		}
	}

	loops[0].startAccepting()

	var running sync.WaitGroup
	failed := make(chan error, len(loops))
	stop := make(chan struct{})
	for _, l := range loops {
		running.Go(func() {
			if err := l.run(); err != nil {
				failed <- err
			}
		})
	}
	if len(rest) > 0 {
		running.Go(func() { s.servePortably(ctx, rest) })
	}
	go func() { running.Wait(); close(stop) }()

	select {
	case <-ctx.Done():
	case err = <-failed: // one loop is not enough to go on with
	}
	for _, l := range loops {
		l.drain()
	}
	<-stop
	for _, l := range loops {
		l.release()
	}
	return err
}

// takeSockets takes the descriptors out of the listeners, so that the loops
// alone are told of new connections. Listeners without one are returned as
// they are.
func takeSockets(listeners []net.Listener) (sockets []int, rest []net.Listener, err error) {
	for _, l := range listeners {
		file, ok := l.(syscall.Conn)
		if !ok {
			rest = append(rest, l)
			continue
		}
		fd, err := duplicate(file)
		if err != nil {
			return sockets, rest, fmt.Errorf("listener %s: %w", l.Addr(), err)
		}
		sockets = append(sockets, fd)
		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false) // its path is still served
		}
		if err := l.Close(); err != nil {
			return sockets, rest, fmt.Errorf("listener %s: %w", l.Addr(), err)
		}
	}
	return sockets, rest, nil
}

func duplicate(file syscall.Conn) (int, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var dupErr error
	err = raw.Control(func(original uintptr) {
		if fd, dupErr = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0); dupErr != nil {
			return
		}
		// Accepted connections inherit it: a response must not wait for the
		// acknowledgement of the one before. Unix sockets do not know it.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	})
	return fd, errors.Join(err, dupErr)
}
