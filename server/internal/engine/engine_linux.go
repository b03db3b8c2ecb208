package engine

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

// serve runs the event loops until ctx is done and all connections are closed.
func (e *Engine[S]) serve(ctx context.Context, listeners []net.Listener) (err error) {
	sockets, rest, err := takeSockets(listeners)
	if err != nil {
		return err
	}
	loops := make([]*loop[S], e.options.Loops)
	var listening atomic.Int32
	listening.Store(int32(len(loops)))
	defer func() {
		if listening.Load() > 0 { // or the last loop has closed them
			closeAll(sockets)
		}
	}()
	for i := range loops {
		if loops[i], err = newLoop(e, sockets, &listening, &loops); err != nil {
			for _, l := range loops[:i] {
				l.release()
			}
			closeListeners(rest)
			return err
		}
	}

	loops[0].startAccepting()

	defer occupyProcessors(len(loops))()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	failed := make(chan error, len(loops))
	for _, l := range loops {
		running.Go(func() {
			if err := l.run(); err != nil {
				failed <- err
			}
		})
	}
	if len(rest) > 0 {
		running.Go(func() { e.servePortably(ctx, rest) })
	}

	select {
	case <-ctx.Done():
	case err = <-failed: // one loop is not enough to go on with
		stop()
	}
	for _, l := range loops {
		l.drain()
	}
	running.Wait()
	for _, l := range loops {
		l.release()
	}
	return err
}

// takeSockets takes the descriptors out of the listeners, so that the loops
// alone are told of new connections. It returns listeners without one as they
// are. If it fails, all are closed.
func takeSockets(listeners []net.Listener) (sockets []int, rest []net.Listener, err error) {
	defer func() {
		if err != nil {
			closeAll(sockets)
			closeListeners(listeners)
			sockets, rest = nil, nil
		}
	}()
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

func closeAll(descriptors []int) {
	for _, fd := range descriptors {
		unix.Close(fd)
	}
}

// closeListeners closes those that are not closed yet.
func closeListeners(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
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
