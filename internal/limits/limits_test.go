package limits

import (
	"errors"
	"testing"
)

func TestHeld(t *testing.T) {
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
		if got := Held(func() (uint64, error) { return c.memory, c.err }); got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.want)
		}
	}
}

// TestConnections: a wish that the limit on open files allows is granted, and any
// other leaves room for the reserved ones.
func TestConnections(t *testing.T) {
	t.Parallel()
	if got := Connections(1, 1); got != 1 {
		t.Errorf("%d connections, want 1", got)
	}
	open, known := descriptors()
	if !known {
		t.Skip("the system does not tell its limit")
	}
	if got := Connections(int(open), 10); got != int(open)-10 {
		t.Errorf("%d connections, want %d", got, open-10)
	}
	if got := Connections(int(open), int(open)); got != 1 {
		t.Errorf("%d connections, want 1", got)
	}
}
