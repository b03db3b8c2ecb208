package core

import (
	"crypto/sha256"
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
// message alone. Parts of message stay on the stack: see wipeStack.
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

// A Credential is the SHA-256 of a token's bytes: what a keyring holds in a
// token's place. It is not secret the way the token is (it cannot be
// presented), yet it is wiped like a secret once it is salted.
type Credential [sha256.Size]byte

// CredentialOf returns the credential of a token. Its time depends on the
// token's length alone; no part of the token stays on the stack.
func CredentialOf(token []byte) Credential {
	growStack()
	c := credentialOf(token)
	wipeStack()
	return c
}

// credentialOf leaves parts of the token on the stack.
func credentialOf(token []byte) Credential { return sha256.Sum256(token) }

// emptyCredential is what hashing an unset shell variable gives.
var emptyCredential = Credential(sha256.Sum256(nil))
