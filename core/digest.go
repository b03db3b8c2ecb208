package core

import (
	"crypto/sha256"
	"encoding"
	"io"
)

// SaltSize is the length of a salt in bytes.
const SaltSize = 32

// A salt makes digests useless outside the process that drew it: they can be
// neither looked up in a table nor predicted by a caller.
type salt [SaltSize]byte

func newSalt(random io.Reader) (salt, error) {
	var s salt
	if _, err := io.ReadFull(random, s[:]); err != nil {
		return salt{}, &annotated{"drawing a salt", err}
	}
	return s, nil
}

// digest returns SHA-256(salt ‖ message). Its time depends on the length of
// message alone. Parts of message stay on the stack.
func (s *salt) digest(message []byte) [sha256.Size]byte {
	var salted [SaltSize + usualLength]byte
	if len(message) <= usualLength { // one call instead of three: a fifth less time
		copy(salted[:], s[:])
		n := copy(salted[SaltSize:], message)
		return sha256.Sum256(salted[:SaltSize+n])
	}
	var sum [sha256.Size]byte
	h := sha256.New()
	h.Write(s[:])
	h.Write(message)
	h.Sum(sum[:0])
	return sum
}

// usualLength is the length of the longest message that is copied behind the
// salt to be hashed in one call.
const usualLength = 96

// A seed is the state of SHA-256 after a whole block: a salt and as many zeros. It
// digests credentials. HMAC pads its key in this way (RFC 2104 §2). All credentials
// have one length, so no digest says anything about that of a longer message.
//
// A block in common is hashed once a keyring and not once a verdict, which makes a
// digest of entries two thirds as long. A token may have any length, so the single
// token has the original's SHA-256(salt ‖ token).
type seed []byte

func newSeed(random io.Reader) (seed, error) {
	s, err := newSalt(random)
	if err != nil {
		return nil, err
	}
	defer clear(s[:])
	return s.seed()
}

func (s *salt) seed() (seed, error) {
	h := sha256.New()
	h.Write(s[:])
	h.Write(make([]byte, sha256.BlockSize-len(s)))
	return h.(encoding.BinaryMarshaler).MarshalBinary()
}

// digest returns SHA-256(salt ‖ zeros ‖ credential). Its time depends on nothing.
// Parts of the credential stay on the stack.
func (s seed) digest(c *Credential) (sum [sha256.Size]byte) {
	h := sha256.New()
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(s); err != nil {
		panic(err) // the state is newSeed's
	}
	h.Write(c[:])
	h.Sum(sum[:0])
	return sum
}
