package core

import (
	"bytes"
	"crypto/sha256"
	"errors"
)

const credentialPrefix = "sha256:"

// A Credential is the SHA-256 of a token's bytes: what a keyring holds in a
// token's place. It is not secret the way the token is (it cannot be
// presented), yet it is wiped like a secret once it is salted.
//
// A Credential hides itself when it is printed, logged, or encoded as JSON: it
// shows its key id, the first eight hexadecimal digits, which is no secret and tells
// one credential from another. Where package fmt calls no methods, it cannot hide:
// in an unexported field of another struct, and under a verb that is not for strings,
// such as %d.
type Credential [sha256.Size]byte

// CredentialOf returns the credential of a token. Its time depends on the
// token's length alone.
func CredentialOf(token []byte) Credential { return sha256.Sum256(token) }

// emptyCredential is what hashing an unset shell variable gives.
var emptyCredential = Credential(sha256.Sum256(nil))

var errEmptyCredential = errors.New("the credential is that of an empty token")

// String returns the key id, such as sha256:b671a472…
func (c Credential) String() string {
	return string(appendHex([]byte(credentialPrefix), c[:keyIDSize])) + "…"
}

// GoString returns the key id.
func (c Credential) GoString() string { return "core.Credential{" + c.String() + "}" }

// MarshalText returns the key id, so that loggers and encoders do not show more. To
// write a keyring, use [Entry.AppendLine].
func (c Credential) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

func (c *Credential) parse(field []byte) bool {
	digits, ok := bytes.CutPrefix(field, []byte(credentialPrefix))
	return ok && decodeHex(c[:], digits)
}
