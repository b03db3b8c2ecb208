//go:build unix

package proxytest

import (
	"syscall"
	"testing"
)

// Pause stops the process as a frozen machine would: its sockets take
// connections and nobody answers. It runs on after Resume.
func (p *Process) Pause(tb testing.TB) {
	tb.Helper()
	if err := p.command.Process.Signal(syscall.SIGSTOP); err != nil {
		tb.Fatal(err)
	}
	// One that stays stopped would not hear that it is to end.
	tb.Cleanup(func() { _ = p.command.Process.Signal(syscall.SIGCONT) })
}

// Resume ends Pause.
func (p *Process) Resume(tb testing.TB) {
	tb.Helper()
	if err := p.command.Process.Signal(syscall.SIGCONT); err != nil {
		tb.Fatal(err)
	}
}
