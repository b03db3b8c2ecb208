package guest

import "github.com/concrete-security/auth-service/internal/secret"

// Limits of what a host may hand over, in bytes.
const (
	// MaxConfiguration is for a keyring or a plugin's configuration.
	MaxConfiguration = 1 << 20
	// MaxAuthorization is for the value of a field that carries a token, Authorization
	// or another; a longer one is denied. It is for a list of scopes too.
	MaxAuthorization = 64 << 10
	// MaxNames limits the names of all header fields of a request, in bytes.
	MaxNames = 64 << 10
	// MaxFields limits all header fields of a request, in bytes; a request with
	// more is denied. Envoy accepts no more than 60 KiB unless its configuration
	// says otherwise. An instance's memory never shrinks, so this limits how much
	// a client can make it grow.
	MaxFields = 1 << 20
)

// sizes are the sizes that a Buffer's memory may have: for usual requests, for long
// ones, for the longest Authorization field, and for everything. The last two have
// room for one byte more than is accepted, and for the NUL that a host may put
// after a field. There are few sizes, and memory is kept, so requests of all
// lengths leave next to nothing for the collector. The first two fit into an
// instance's initial memory. For more, Go asks the host for memory and for the
// time.
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
func (b *Buffer) Wipe() { secret.Wipe(b.taken) }

// Release wipes the piece that was taken. The piece is then no longer valid.
func (b *Buffer) Release() {
	b.Wipe()
	b.taken = nil
}
