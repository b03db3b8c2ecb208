package plaintext

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/concrete-security/auth-service/internal/secret"
)

const (
	tokenPrefix      = "as_"
	tokenRandomBytes = 32
	// bodyDigits is how many base62 digits 32 bytes can need: 62^43 is just over 2^256.
	bodyDigits     = 43
	checksumDigits = 6
	base62         = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// New makes a token of 32 random bytes: "as_", these in base62, and the CRC-32 (IEEE) of
// all that in base62. Both numbers have the most significant digit first, and leading
// zeros. The prefix lets a scanner find a leaked token, the checksum lets it be sure, and
// shows a human a mistyped one. A double click selects all of the token. The caller wipes
// it.
func New(random io.Reader) ([]byte, error) {
	var drawn [tokenRandomBytes]byte
	defer secret.Wipe(drawn[:])
	if _, err := io.ReadFull(random, drawn[:]); err != nil {
		return nil, fmt.Errorf("drawing a token: %w", err)
	}
	token := make([]byte, len(tokenPrefix)+bodyDigits, 64)
	copy(token, tokenPrefix)
	for i := len(token) - 1; i >= len(tokenPrefix); i-- {
		token[i] = base62[divide(drawn[:])]
	}
	return append(token, checksum(token)...), nil
}

// divide divides a big-endian number in place by 62, and returns the remainder. Package
// math/big would leave copies of the number behind.
func divide(number []byte) (remainder uint32) {
	for i, b := range number {
		remainder = remainder<<8 | uint32(b)
		number[i] = byte(remainder / uint32(len(base62)))
		remainder %= uint32(len(base62))
	}
	return remainder
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

// mistyped reports whether a token has the form of a new one but not its checksum. Older
// tokens have 43 characters of base64url where new ones have base62 digits.
func mistyped(token []byte) bool { return hasForm(token) && !hasChecksum(token) }

// IsNew reports whether a text is a token as New makes it, or made it before.
func IsNew(text []byte) bool { return hasForm(text) && hasChecksum(text) }

const bodyEnd = len(tokenPrefix) + bodyDigits

func hasForm(token []byte) bool {
	return len(token) == bodyEnd+checksumDigits && bytes.HasPrefix(token, []byte(tokenPrefix))
}

func hasChecksum(token []byte) bool {
	return bytes.Equal(checksum(token[:bodyEnd]), token[bodyEnd:])
}
