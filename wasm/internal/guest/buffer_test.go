package guest

import (
	"bytes"
	"testing"
)

func TestBuffer(t *testing.T) {
	var b Buffer
	if b.Taken() != nil {
		t.Error("something is taken from the zero Buffer")
	}
	b.Wipe()
	b.Release()
	for _, size := range []uint32{0, 1, 4<<10 - 1, 4 << 10, 16 << 10, MaxAuthorization + 1, MaxAuthorization + 2, MaxConfiguration, 3} {
		taken := b.Take(size, MaxConfiguration)
		if taken == nil || len(taken) != int(size) || cap(taken) != int(size) {
			t.Fatalf("%d bytes: %d of %d", size, len(taken), cap(taken))
		}
		if len(bytes.Trim(taken, "\x00")) > 0 {
			t.Errorf("%d bytes: they are not zero", size)
		}
		if len(b.Taken()) != int(size) {
			t.Errorf("%d bytes: Taken has %d", size, len(b.Taken()))
		}
		for i := range taken {
			taken[i] = 'x'
		}
		if b.Wipe(); len(bytes.Trim(taken, "\x00")) > 0 || len(b.Taken()) != int(size) {
			t.Errorf("%d bytes: not wiped, or no longer taken", size)
		}
		for i := range taken {
			taken[i] = 'x'
		}
	}
	last := b.Taken()
	if b.Release(); b.Taken() != nil || len(bytes.Trim(last, "\x00")) > 0 {
		t.Error("not released, or not wiped")
	}
}

// What was taken before is wiped, whatever comes of the next Take.
func TestBufferTakeWipes(t *testing.T) {
	for _, size := range []uint32{0, 5, 100, MaxConfiguration, MaxConfiguration + 1, 1<<32 - 1} {
		var b Buffer
		secret := b.Take(20, 20)
		copy(secret, "a secret of 20 bytes")
		if taken := b.Take(size, MaxConfiguration); (taken == nil) != (size > MaxConfiguration) {
			t.Errorf("%d bytes: %d", size, len(taken))
		}
		if len(bytes.Trim(secret, "\x00")) > 0 {
			t.Errorf("%d bytes: %q is left", size, secret)
		}
	}
}

// A size over the limit gives nothing, and neither does one that the buffer has no
// memory for, whatever the limit.
func TestBufferLimit(t *testing.T) {
	var b Buffer
	for _, tt := range []struct {
		size, limit uint32
		ok          bool
	}{
		{10, 10, true},
		{11, 10, false},
		{0, 0, true},
		{1, 0, false},
		{max(MaxConfiguration, MaxFields), 1<<32 - 1, true},
		{max(MaxConfiguration, MaxFields) + 1, 1<<32 - 1, false},
		{1<<32 - 1, 1<<32 - 1, false},
	} {
		if taken := b.Take(tt.size, tt.limit); (taken != nil) != tt.ok || (b.Taken() != nil) != tt.ok {
			t.Errorf("%d of %d bytes: %t", tt.size, tt.limit, taken != nil)
		}
	}
}

// Memory comes in few sizes, and is kept: taking and releasing allocates nothing.
func TestBufferKeepsItsMemory(t *testing.T) {
	var b Buffer
	for _, tt := range []struct {
		size uint32
		want int
	}{
		{0, 4 << 10},
		{4<<10 - 1, 4 << 10},
		{4 << 10, 16 << 10},
		{16<<10 - 1, 16 << 10},
		{16 << 10, MaxAuthorization + 2},
		{MaxAuthorization + 1, MaxAuthorization + 2},
		{MaxAuthorization + 2, MaxConfiguration + 1},
		{MaxConfiguration, MaxConfiguration + 1},
		{1, MaxConfiguration + 1},
	} {
		if b.Take(tt.size, MaxConfiguration); len(b.memory) != tt.want {
			t.Errorf("%d bytes: memory of %d, want %d", tt.size, len(b.memory), tt.want)
		}
	}
	n := testing.AllocsPerRun(10, func() {
		b.Take(MaxConfiguration, MaxConfiguration)
		b.Release()
		b.Take(1, 1)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
