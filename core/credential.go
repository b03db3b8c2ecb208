package core

import "crypto/sha256"

// A Credential is the SHA-256 of a token's bytes: what a keyring holds in a
// token's place. It is not secret the way the token is (it cannot be
// presented), yet it is wiped like a secret once it is salted.
type Credential [sha256.Size]byte

// CredentialOf returns the credential of a token. Its time depends on the
// token's length alone.
func CredentialOf(token []byte) Credential { return sha256.Sum256(token) }

// emptyCredential is what hashing an unset shell variable gives.
var emptyCredential = Credential(sha256.Sum256(nil))
