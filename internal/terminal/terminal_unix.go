//go:build linux || darwin || freebsd

package terminal

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/internal/secret"
)

// ReadHidden reads one line from a terminal that does not show it, into one buffer,
// which the caller wipes. The line may have its end. term.ReadPassword does the
// same but leaves copies behind, because it appends byte by byte.
func ReadHidden(fd int) (line []byte, err error) {
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG // the terminal edits the line
	hidden.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, setTermios, &hidden); err != nil {
		return nil, err
	}
	restore := func() error { return unix.IoctlSetTermios(fd, setTermios, before) }
	defer func() { err = errors.Join(err, restore()) }()
	defer beforeSignals(func() { _ = restore() })()
	// A terminal drops what is beyond its longest line. So a line of that length may not
	// be what was typed.
	buffer := make([]byte, longestLine)
	length := 0
	for {
		n, err := unix.Read(fd, buffer[length:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err == nil && n <= 0 && length == 0:
			err = io.EOF
		case err == nil && n > 0 && length+n == len(buffer):
			err = errors.New("the line is too long for a terminal; use a pipe")
		}
		if err != nil {
			secret.Wipe(buffer)
			return nil, err
		}
		length += max(n, 0)
		if end := bytes.IndexByte(buffer[:length], '\n'); n <= 0 || end >= 0 {
			return buffer[:length], nil
		}
	}
}

// beforeSignals calls restore before a signal ends the process, until the returned
// function is called. Some shells leave the terminal as they find it.
func beforeSignals(restore func()) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	go func() {
		if s, ok := <-signals; ok {
			restore()
			signal.Reset(s)
			_ = unix.Kill(unix.Getpid(), s.(unix.Signal))
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}
