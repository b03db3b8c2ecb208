//go:build !linux

package proxytest

import "testing"

// Pause skips the test: only Linux says when every thread of a process has
// stopped.
func (p *Process) Pause(tb testing.TB) {
	tb.Helper()
	tb.Skip("processes can be paused only on Linux")
}

// Resume ends Pause.
func (p *Process) Resume(tb testing.TB) { tb.Helper() }
