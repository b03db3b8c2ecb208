package core

import "encoding/binary"

// keyIDSize is how many bytes of a credential a key id shows.
const keyIDSize = 4

// A KeyID names one token of a keyring: the first eight hexadecimal digits of its
// credential, which can be searched for in the file. It is no secret.
//
// The zero KeyID is that of the single token, which has none: a hash of a token that
// somebody thought up must not be shown.
type KeyID struct{ digits [2 * keyIDSize]byte }

// noKeyID stands for the zero KeyID.
const noKeyID = "-"

// KeyID returns the key id of the token with that credential.
func (c *Credential) KeyID() KeyID {
	var id KeyID
	appendHex(id.digits[:0], c[:keyIDSize])
	return id
}

// IsZero reports whether the token has no key id.
func (id KeyID) IsZero() bool { return id == KeyID{} }

// Append appends the eight digits to b, or "-" if there are none, and returns the
// extended slice.
func (id KeyID) Append(b []byte) []byte {
	if id.IsZero() {
		return append(b, noKeyID...)
	}
	return append(b, id.digits[:]...)
}

// String returns the eight digits, or "-" if there are none.
func (id KeyID) String() string { return string(id.Append(nil)) }

// MarshalText returns what [KeyID.String] does.
func (id KeyID) MarshalText() ([]byte, error) { return id.Append(nil), nil }

// word is the key id as a number, so that it can be masked.
func (id KeyID) word() uint64 { return binary.LittleEndian.Uint64(id.digits[:]) }

func keyIDOf(word uint64) (id KeyID) {
	binary.LittleEndian.PutUint64(id.digits[:], word)
	return id
}
