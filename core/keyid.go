package core

import "encoding/binary"

// keyIDSize is how many bytes of a credential a key id shows.
const keyIDSize = 4

// A KeyID names one token of a keyring: the first eight hexadecimal digits of its
// credential, which can be searched for in the file. It is no secret.
//
// The zero KeyID is that of the single token, which has none: a hash of a token that
// somebody thought up must not be shown.
type KeyID struct{ digits uint64 }

// noKeyID stands for the zero KeyID.
const noKeyID = "-"

// KeyID returns the key id of the token with that credential.
func (c *Credential) KeyID() KeyID {
	var digits [2 * keyIDSize]byte
	appendHex(digits[:0], c[:keyIDSize])
	return KeyID{binary.LittleEndian.Uint64(digits[:])}
}

// IsZero reports whether the token has no key id.
func (id KeyID) IsZero() bool { return id == KeyID{} }

// Append appends the eight digits to b, or "-" if there are none, and returns the
// extended slice.
func (id KeyID) Append(b []byte) []byte {
	if id.IsZero() {
		return append(b, noKeyID...)
	}
	return binary.LittleEndian.AppendUint64(b, id.digits)
}

// String returns the eight digits, or "-" if there are none.
func (id KeyID) String() string { return string(id.Append(nil)) }

// MarshalText returns what [KeyID.String] does.
func (id KeyID) MarshalText() ([]byte, error) { return id.Append(nil), nil }
