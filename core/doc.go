// Package core decides whether a request that carries a static Bearer token
// may pass. It is the one verifier behind every build: the native server and
// the WebAssembly modules hand it the same bytes and get the same [Decision].
//
// The flow is one-directional: an Authorization field value gives a bearer
// token ([RFC 6750 §2.1], [RFC 9110 §11.4]), the token's salted digest is
// looked up in a [Keyring], and the entry found, its expiry and its scopes
// give the Decision, whose zero value denies.
//
// The package does no I/O, reads no clock, draws no randomness of its own and
// starts no goroutine. Time and salt come in from the caller. A verdict
// allocates nothing.
//
// # What is constant-time
//
// A token is never compared; its digest under a secret, fresh salt is. For
// tokens of one length, a verdict does the same work whether the token is
// right, wrong in its first byte, wrong in its last byte, expired, or lacks a
// scope: the same number of SHA-256 blocks, one index step, and a comparison
// of all 32 bytes with each slot of a window of fixed size. Which slots are
// looked at depends on the salted digest, which a caller can neither choose
// nor predict, so memory access patterns say nothing about any stored token.
//
// # What is not
//
// The length of what the caller sent (it knows it already), whether the field
// value has the form of a Bearer credential at all, and the comparison of
// scope names, which are configuration and not secret. How the processor
// executes SHA-256 and the comparison is the hardware's promise, see
// [crypto/subtle.WithDataIndependentTiming].
//
// # What is left in memory
//
// The package keeps no token and wipes nothing. The stack and the registers may hold
// pieces of a token when a function returns. A program that must not leave them
// there clears what was used, as the programs of this module do; packages server and
// wasm/host do so for their users. The buffer that held the token is the caller's to
// wipe, as only the caller knows who shares it. [Keyring.Wipe] and [WipeEntries]
// overwrite digests.
//
// [RFC 6750 §2.1]: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
// [RFC 9110 §11.4]: https://www.rfc-editor.org/rfc/rfc9110#section-11.4
package core
