package guest

import (
	"io"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/secret"
)

// ABIVersion is that of the reactor's exports.
const ABIVersion = 1

// A Result is what configure and accept of the reactor answer. docs/reactor-abi.md lists the
// numbers.
type Result int32

// The numbers go down from 0.
const (
	// Configured says that the keyring is in force, or the schemes.
	Configured Result = -iota
	// BadBuffer says that what was handed over does not lie in the buffer from alloc.
	BadBuffer
	// BadKeyring says that the keyring is refused. The failure says where and why.
	BadKeyring
	// NoToken says that the keyring has no token.
	NoToken
	// NoRandom says that the host gave no randomness for the salt.
	NoRandom
	// BadSchemes says that accept names no scheme, or one that is unknown.
	BadSchemes
)

// String returns a few words for the result.
func (r Result) String() string {
	switch r {
	case Configured:
		return "configured"
	case BadBuffer:
		return "bad buffer"
	case BadKeyring:
		return "bad keyring"
	case NoToken:
		return "no token"
	case NoRandom:
		return "no randomness"
	case BadSchemes:
		return "bad schemes"
	}
	return "unknown result"
}

// NoReason is what [Reactor.Reason] returns if there is no verdict.
const NoReason = -1

// statusMisuse answers a host that breaks the ABI.
const statusMisuse = 500

// A Reactor is the verifier behind the reactor's exports. The zero Reactor
// denies everything until it is configured.
type Reactor struct {
	keyring *core.Keyring
	schemes core.Schemes
	buffer  Buffer
	granted core.Decision // the last Authorize's if that granted, else zero
	key     []byte        // granted.Key
	failure string
	reason  core.Reason
	decided bool // reason is that of the last Authorize
}

// A Span is a part of the buffer that [Reactor.Alloc] returned last, counted
// from its start.
type Span struct{ Offset, Length uint32 }

// Alloc returns a buffer for the host to fill, valid until the next Alloc or
// Configure, or nil if size is over [MaxConfiguration].
func (r *Reactor) Alloc(size uint32) []byte { return r.buffer.Take(size, MaxConfiguration) }

// Buffer is what Alloc returned last.
func (r *Reactor) Buffer() []byte { return r.buffer.Taken() }

// Configure takes the text of a keyring and answers Configured or what is wrong.
// From the call on the former keyring is no longer in force, whatever
// comes of the new one. The buffer is wiped and no longer valid.
func (r *Reactor) Configure(random io.Reader, text Span) Result {
	r.keyring.Wipe()
	r.keyring = nil
	r.forget()
	defer r.buffer.Release()
	keyring, ok := r.part(text)
	if !ok {
		r.failure = "the keyring does not lie in the buffer from alloc"
		return BadBuffer
	}
	entries, err := core.ParseKeyring(keyring)
	if err != nil {
		r.failure = err.Error()
		return BadKeyring
	}
	defer core.WipeEntries(entries)
	if len(entries) == 0 {
		r.failure = errNoToken.Error()
		return NoToken
	}
	if r.keyring, err = core.NewKeyring(CheckedRandom(random), nil, entries); err != nil {
		r.failure = err.Error()
		return NoRandom
	}
	r.failure = ""
	return Configured
}

// Accept sets the schemes in which the Authorization value of Authorize may carry a
// token: the sum of [core.Bearer] and [core.Basic]. Until the first call it is Bearer. It
// stays in force whatever Configure does. After an answer other than Configured, the
// former schemes are in force.
func (r *Reactor) Accept(schemes uint32) Result {
	r.forget()
	if known := uint32(core.Bearer | core.Basic); schemes == 0 || schemes&^known != 0 {
		r.failure = "the schemes are not 1 for Bearer, 2 for Basic or 3 for both"
		return BadSchemes
	}
	r.schemes, r.failure = core.Schemes(schemes), ""
	return Configured
}

// forget makes as if there had been no verdict.
func (r *Reactor) forget() {
	r.granted, r.key, r.decided = core.Decision{}, r.key[:0], false
}

// Authorize answers the HTTP status for one Authorization field value and the
// scopes that are required, separated by spaces, at Unix second now. The
// Authorization bytes are wiped, the buffer stays valid.
func (r *Reactor) Authorize(authorization, scopes Span, now int64) int32 {
	r.forget()
	value, ok := r.part(authorization)
	required, ok2 := r.part(scopes)
	if !ok || !ok2 || len(required) > MaxAuthorization {
		r.buffer.Wipe() // whichever part of it was meant
		r.failure = "a string does not lie in the buffer from alloc, or is too long"
		return statusMisuse
	}
	d := decide(r.keyring, &core.Request{Schemes: r.schemes, Authorization: value, AuthorizationCount: 1, Scopes: required, Now: now})
	secret.Wipe(value)
	r.reason, r.decided = d.Reason, true
	if d.Granted() {
		r.granted, r.failure = d, ""
		r.key = d.Key.Append(r.key)
	} else {
		r.failure = d.Reason.String()
	}
	return int32(d.Status())
}

// Reason returns the number of the [core.Reason] of the last Authorize. It returns
// NoReason if that was misused, and after Configure.
func (r *Reactor) Reason() int32 {
	if !r.decided {
		return NoReason
	}
	return int32(r.reason)
}

// Principal is whose token the last Authorize granted, or empty.
func (r *Reactor) Principal() string { return r.granted.Principal }

// Scopes are those of the token that the last Authorize granted, separated by spaces,
// or "*" if it has any. It is empty if there is none.
func (r *Reactor) Scopes() string { return r.granted.Scopes }

// Key is the key id of the token that the last Authorize granted, or empty. It is valid
// until the next call.
func (r *Reactor) Key() string { return text(r.key) }

// Failure says what was wrong with the last Configure, Accept or Authorize, or is
// empty. Of a denial it is the word for the reason.
func (r *Reactor) Failure() string { return r.failure }

// part returns a part of the buffer. Anywhere else in memory there is nothing
// that a host has a reason to point to, and what it points to is wiped. An
// empty part may lie anywhere.
func (r *Reactor) part(s Span) ([]byte, bool) {
	buffer := r.buffer.Taken()
	if s.Length == 0 {
		return nil, true
	}
	end := uint64(s.Offset) + uint64(s.Length)
	if end > uint64(len(buffer)) {
		return nil, false
	}
	return buffer[s.Offset:end], true
}
