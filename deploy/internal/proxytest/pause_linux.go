package proxytest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Pause stops the process as a frozen machine would: its sockets accept connections
// and nobody answers. Resume lets it run again.
func (p *Process) Pause(tb testing.TB) {
	tb.Helper()
	if err := p.command.Process.Signal(syscall.SIGSTOP); err != nil {
		tb.Fatal(err)
	}
	// A stopped process would not react to the signal to end.
	tb.Cleanup(func() { _ = p.command.Process.Signal(syscall.SIGCONT) })
	// A thread keeps running until the signal reaches it.
	for begun := time.Now(); !stopped(tb, p.command.Process.Pid); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > patience {
			tb.Fatalf("%s does not stop", p.command.Path)
		}
	}
}

// stopped reports whether all threads of a process are stopped (proc(5)).
func stopped(tb testing.TB, pid int) bool {
	tb.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		tb.Fatalf("no threads of process %d: %v", pid, err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(filepath.Clean(thread))
		if err != nil {
			continue // it has ended
		}
		// The state follows the name, which is in parentheses.
		if _, state, ok := strings.Cut(string(text), ") "); !ok || !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

// Resume ends Pause.
func (p *Process) Resume(tb testing.TB) {
	tb.Helper()
	if err := p.command.Process.Signal(syscall.SIGCONT); err != nil {
		tb.Fatal(err)
	}
}
