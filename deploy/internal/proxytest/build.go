package proxytest

import "testing"

// Build compiles auth-service if that has not been done yet. Tests that leave the
// network call it first, because Go may have to download modules.
func Build(tb testing.TB) {
	tb.Helper()
	if _, err := binary(); err != nil {
		tb.Fatal(err)
	}
}
