package core

import (
	"crypto/sha256"
	"io"
)

// single is the single token, known by two digests.
type single struct {
	known  bool
	salt   salt
	digest slotDigest // of the token: what a verdict compares
	// A third salt keeps the mark apart from all that verdicts compare with.
	markSalt salt
	mark     slotDigest // of the token's credential: what entries are compared with
}

func newSingle(random io.Reader, token []byte) (s single, err error) {
	if s.salt, err = newSalt(random); err != nil || len(token) == 0 {
		return s, err
	}
	if s.markSalt, err = newSalt(random); err != nil {
		return s, err
	}
	s.known = true
	s.digest = words(s.salt.digest(token))
	credential := sha256.Sum256(token)
	s.mark = words(s.markSalt.digest(credential[:]))
	return s, nil
}

// among reports whether an entry has the token's credential.
func (s *single) among(entries []Entry) bool {
	if !s.known {
		return false
	}
	found := uint64(0)
	for i := range entries {
		digest := words(s.markSalt.digest(entries[i].Credential[:]))
		found |= equalMask(&digest, &s.mark)
	}
	return found != 0
}
