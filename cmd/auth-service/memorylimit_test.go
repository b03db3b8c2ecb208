package main

import (
	"errors"
	"testing"
)

func TestHeldLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		memory uint64
		err    error
		want   int64
	}{
		{"a container of 128 MiB", 128 << 20, nil, 16 << 20},
		{"a large container", 8 << 30, nil, 1 << 30},
		{"a tiny container", 1 << 20, nil, leastHeld},
		{"no limit", 0, errors.New("memory is not limited"), 64 << 20},
	} {
		if got := heldLimit(func() (uint64, error) { return c.memory, c.err }); got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.want)
		}
	}
}
