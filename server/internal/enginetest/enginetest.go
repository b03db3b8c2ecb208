// Package enginetest has what tests of the engines and tests of what they serve
// share.
package enginetest

import (
	"net"
	"testing"
	"time"
)

// patience is how long a test waits before it fails.
const patience = 20 * time.Second

// A Kind is one of the ways in which an engine serves.
type Kind struct {
	// Name is that of the kind, for subtests.
	Name string
	// Wrap makes a listener that the engine serves in this way.
	Wrap func(net.Listener) net.Listener
}

// Kinds returns the kind that the system has an engine of its own for, and the
// portable kind, in this order. Where the system has none, they are the same.
func Kinds() []Kind {
	return []Kind{
		{"native", func(l net.Listener) net.Listener { return l }},
		{"portable", func(l net.Listener) net.Listener { return hidden{l} }},
	}
}

// hidden is a listener that does not show its descriptor, so only the portable engine
// can serve it.
type hidden struct{ net.Listener }

// Each runs test once for each kind, in parallel.
func Each(t *testing.T, test func(*testing.T, Kind)) {
	t.Helper()
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

// Listen returns a listener on a free TCP port of this machine, which is closed when
// the test ends.
func Listen(tb testing.TB) net.Listener {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	return l
}

// Dial returns a connection to address, which is closed when the test ends.
func Dial(tb testing.TB, address string) net.Conn {
	tb.Helper()
	c, err := new(net.Dialer).DialContext(tb.Context(), "tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// Await waits until a condition holds. It fails the test if that takes too long.
func Await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	for begun := time.Now(); !holds(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > patience {
			tb.Fatalf("gave up waiting for %s", what)
		}
	}
}

// Ended waits for what Serve returns, and fails the test if that is an error or takes
// too long.
func Ended(tb testing.TB, served <-chan error) {
	tb.Helper()
	select {
	case err := <-served:
		if err != nil {
			tb.Errorf("Serve: %v", err)
		}
	case <-time.After(patience):
		tb.Error("Serve does not return")
	}
}
