// Package core decides whether a request that carries a static Bearer token
// may pass. It is the one verifier behind every build: the native server, package
// guard and the WebAssembly modules hand it the same bytes and get the same
// [Decision].
//
// The value of an Authorization field gives a bearer token ([RFC 6750 §2.1],
// [RFC 9110 §11.4]). An [Accept] says where else a token may come: as the password of
// Basic ([RFC 7617 §2]), or as the value of a field of its own. A request that carries
// two is denied. The token's salted digest is looked up in a [Keyring]. The entry that is
// found, its expiry and its scopes give the Decision, whose zero value denies.
//
// The package does no I/O, reads no clock, draws no random bytes of its own and
// starts no goroutine. The caller hands in time and random bytes. A verdict
// allocates nothing.
//
// # What is constant-time
//
// The package never compares a token. It compares the token's digest under a secret,
// fresh salt. For tokens of one length, a verdict does the same work whether the
// token is right, wrong in its first byte, wrong in its last byte, expired, or
// without a scope: the same number of SHA-256 blocks, one step through the index, and
// a comparison of all 32 bytes with each slot of a window of fixed size. Which slots
// these are depends on the salted digest, which a caller can neither choose nor
// predict. So the pattern of memory accesses says nothing about any stored token.
//
// # What is not
//
// Three things take time that depends on the input: the lengths of what the caller
// sent, that of a user name included, which the caller knows; whether it has the form of
// a credential at all; and the comparison of scope names, which are configuration and not secret.
// How the processor executes SHA-256 and the comparison is the hardware's promise;
// see [crypto/subtle.WithDataIndependentTiming].
//
// # What is left in memory
//
// The package keeps no token and wipes nothing. The stack and the registers may hold
// pieces of a token when a function returns. A program that must not leave them there
// clears what was used, as the programs of this module do. Packages guard, server and
// wasm/host do so for their users. The caller wipes the buffer that held the token,
// because only the caller knows who shares it. [Keyring.Wipe] and [WipeEntries]
// overwrite digests.
//
// # What stays as it is
//
// The module follows semantic versioning. Until v1, a minor version may change the Go
// API of this package and of the module's other packages; a patch version does not.
// CHANGELOG.md names each change and says what to write instead.
//
// Three things are stable already, because files, proxies and other programs rely on
// them. A valid keyring stays valid and keeps its meaning. The program's environment
// variables, paths, status codes and header fields stay. So do the decisions that
// package vectors lists. Should one of these have to change, for a security fix for
// instance, CHANGELOG.md says so first.
//
// [RFC 6750 §2.1]: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
// [RFC 7617 §2]: https://www.rfc-editor.org/rfc/rfc7617#section-2
// [RFC 9110 §11.4]: https://www.rfc-editor.org/rfc/rfc9110#section-11.4
package core
