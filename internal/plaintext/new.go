package plaintext

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/concrete-security/auth-service/internal/secret"
)

const (
	tokenPrefix      = "as_"
	tokenRandomBytes = 32
	checksumDigits   = 6
	base62           = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// New makes a token of 32 random bytes: "as_", these in base64url, and
// the CRC-32 (IEEE) of all that in base62, most significant digit first. The
// prefix lets a scanner find a leaked token, the checksum lets it be sure, and
// shows a human a mistyped one. The caller wipes the token.
func New(random io.Reader) ([]byte, error) {
	var drawn [tokenRandomBytes]byte
	defer secret.Wipe(drawn[:])
	if _, err := io.ReadFull(random, drawn[:]); err != nil {
		return nil, fmt.Errorf("drawing a token: %w", err)
	}
	token := make([]byte, 0, 64)
	token = append(token, tokenPrefix...)
	token = base64.RawURLEncoding.AppendEncode(token, drawn[:])
	return append(token, checksum(token)...), nil
}

func checksum(b []byte) []byte {
	digits := make([]byte, checksumDigits)
	sum := crc32.ChecksumIEEE(b)
	for i := range digits {
		digits[len(digits)-1-i] = base62[sum%uint32(len(base62))]
		sum /= uint32(len(base62))
	}
	return digits
}

// mistyped reports whether a token has the form of a new one but not its
// checksum.
func mistyped(token []byte) bool {
	body := len(tokenPrefix) + base64.RawURLEncoding.EncodedLen(tokenRandomBytes)
	return len(token) == body+checksumDigits && bytes.HasPrefix(token, []byte(tokenPrefix)) &&
		!bytes.Equal(checksum(token[:body]), token[body:])
}
