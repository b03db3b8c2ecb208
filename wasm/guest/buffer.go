package guest

import "github.com/concrete-security/auth-service/core"

// Limits of what a host may hand over, in bytes.
const (
	// MaxConfiguration is for a keyring or a plugin's configuration.
	MaxConfiguration = 1 << 20
	// MaxAuthorization is for the value of an Authorization field; a longer
	// one is denied. It is for a list of scopes too.
	MaxAuthorization = 64 << 10
	// MaxNames is for the names of all header fields of a request.
	MaxNames = 64 << 10
	// MaxFields is for all header fields of a request.
	MaxFields = 16 << 20

	// kept is the size up to which memory is kept for the next request.
	kept = 64 << 10
)

// A Buffer is memory that a host writes to, one piece at a time. What it held
// may be secret, so it is wiped before it is used again and before it is let
// go. The zero Buffer is ready for use.
type Buffer struct {
	// The first byte is never handed out to be written, so that a piece of no
	// bytes has an address too.
	memory []byte
	taken  []byte
}

// Take wipes the piece that was taken before and returns another of size
// bytes, all zero, or nil if that is more than limit. It is valid until the
// next Take or Release.
func (b *Buffer) Take(size, limit uint32) []byte {
	b.Wipe()
	b.taken = nil
	if size > limit {
		return nil
	}
	if uint64(len(b.memory)) < uint64(size)+1 {
		b.memory = make([]byte, max(uint64(size)+1, 4<<10))
	}
	b.taken = b.memory[:size:size]
	return b.taken
}

// Taken is what Take returned last.
func (b *Buffer) Taken() []byte { return b.taken }

// Wipe overwrites the piece that was taken; it stays valid.
func (b *Buffer) Wipe() {
	if len(b.taken) > 0 {
		core.Wipe(b.taken)
	}
}

// Release wipes the piece that was taken, which is no longer valid, and lets
// memory go that is more than a usual request takes.
func (b *Buffer) Release() {
	b.Wipe()
	b.taken = nil
	if len(b.memory) > kept {
		b.memory = nil
	}
}
