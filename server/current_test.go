package server

import "testing"

// TestSharedKeyrings: each loop has a keyring in use of its own, and further workers
// share these in turn.
func TestSharedKeyrings(t *testing.T) {
	t.Parallel()
	s := New(newKeyring(t, testToken, ""), Options{Loops: 3})
	var given []*current
	for range 8 {
		given = append(given, s.nextCurrent())
	}
	for i, c := range given {
		for j, other := range given {
			if (c == other) != (i%3 == j%3) {
				t.Errorf("worker %d shares with worker %d: %v", i, j, c == other)
			}
		}
	}
}
