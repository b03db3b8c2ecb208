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
	// MaxFields is for all header fields of a request; one with more is denied.
	// Envoy takes no more than 60 KiB of them unless its configuration says
	// otherwise. An instance's memory never shrinks, so this is what a client can
	// make it grow by.
	MaxFields = 1 << 20
)

// sizes are those that a Buffer's memory may have: for usual requests, for long
// ones, for the longest Authorization field, and for everything. The last two
// leave room for one byte more than can be taken, and for the NUL that a host may
// put behind a field. There are few, and memory is kept, so that requests of all
// lengths leave next to nothing for the collector. The first two fit into the
// memory that an instance begins with; for more, Go asks the host for memory and
// for the time.
var sizes = [...]uint64{4 << 10, 16 << 10, MaxAuthorization + 2, max(MaxConfiguration, MaxFields) + 1}

// A Buffer is memory that a host writes to, one piece at a time. What it held
// may be secret, so it is wiped before it is used again. The zero Buffer is
// ready for use.
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
	need := uint64(size) + 1
	for _, enough := range sizes {
		if uint64(len(b.memory)) < need && enough >= need {
			b.memory = make([]byte, enough)
		}
	}
	if uint64(len(b.memory)) < need {
		return nil
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

// Release wipes the piece that was taken, which is no longer valid.
func (b *Buffer) Release() {
	b.Wipe()
	b.taken = nil
}
