//go:build !unix

package proxytest

import "testing"

// Pause skips the test: this system has no signal that stops a process.
func (p *Process) Pause(tb testing.TB) {
	tb.Helper()
	tb.Skip("this system cannot stop a process")
}

// Resume ends Pause.
func (p *Process) Resume(tb testing.TB) { tb.Helper() }
