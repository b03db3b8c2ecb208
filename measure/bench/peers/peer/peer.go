// Package peer is what the servers that auth-service is measured against have
// in common: the verdict on one token, and where to listen.
package peer

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"os"
	"strings"
)

// Verifier decides as auth-service does for one token: it compares salted
// digests in constant time.
type Verifier struct {
	salt, digest [sha256.Size]byte
}

// NewVerifier returns a Verifier for a token.
func NewVerifier(token []byte) *Verifier {
	v := new(Verifier)
	rand.Read(v.salt[:])
	v.digest = v.salted(token)
	return v
}

func (v *Verifier) salted(token []byte) [sha256.Size]byte {
	var text [512]byte // on the stack, for tokens of the usual length
	return sha256.Sum256(append(append(text[:0], v.salt[:]...), token...))
}

// Allows reports whether the value of an Authorization field has the token.
func (v *Verifier) Allows(authorization []byte) bool {
	scheme, token, _ := bytes.Cut(authorization, []byte(" "))
	if !bytes.EqualFold(scheme, []byte("Bearer")) {
		return false
	}
	digest := v.salted(token)
	return subtle.ConstantTimeCompare(digest[:], v.digest[:]) == 1
}

// Settings are what the harness tells a server in its environment, in the
// variables that auth-service reads.
type Settings struct {
	Verifier *Verifier
	TCP      string // host:port
	Unix     string // path
}

// FromEnvironment reads AUTH_SERVICE_TOKEN and LISTEN.
func FromEnvironment() (s Settings, err error) {
	token := os.Getenv("AUTH_SERVICE_TOKEN")
	if token == "" {
		return s, errors.New("AUTH_SERVICE_TOKEN is not set")
	}
	s.Verifier = NewVerifier([]byte(token))
	for address := range strings.SplitSeq(os.Getenv("LISTEN"), ",") {
		if tcp, ok := strings.CutPrefix(address, "tcp://"); ok {
			s.TCP = tcp
		}
		if path, ok := strings.CutPrefix(address, "unix://"); ok {
			s.Unix = path
		}
	}
	if s.TCP == "" || s.Unix == "" {
		return s, errors.New("LISTEN must name one tcp:// and one unix:// address")
	}
	return s, nil
}
