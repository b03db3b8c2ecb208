package engine

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// received returns what has come back, and whether the connection has ended.
func received(t *testing.T, c net.Conn) (text string, ended bool) {
	t.Helper()
	b := make([]byte, 64<<10)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Millisecond)) // the loops have settled: it is there
	n, err := io.ReadFull(c, b)
	if isTimeout(err) { // on a busy machine, the time may be over before the end is read
		var rest int
		rest, ended = waiting(t, c, b[n:])
		return string(b[:n+rest]), ended
	}
	return string(b[:n]), err != nil
}

// waiting reads what has arrived, and waits for nothing.
func waiting(t *testing.T, c net.Conn, b []byte) (n int, ended bool) {
	t.Helper()
	_ = c.SetReadDeadline(time.Time{})
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Read(func(fd uintptr) bool {
		for n < len(b) {
			read, err := unix.Read(int(fd), b[n:])
			switch {
			case errors.Is(err, unix.EINTR):
			case errors.Is(err, unix.EAGAIN):
				return true
			case err != nil || read == 0:
				ended = true
				return true
			default:
				n += read
			}
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, ended
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error) //nolint:errorlint // it is never wrapped here
	return ok && timeout.Timeout()
}
