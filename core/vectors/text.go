package vectors

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Text is a string of a table, which stands for bytes: each character up to
// U+00FF for the byte of its number, so that "\u00e9" is the byte E9 and a
// table can hold any byte there is. What is too long to read, or not worth
// reading, is written in brackets, which stand for no byte themselves:
//
//	⟦v×8000⟧            8000 times v, which may be several bytes
//	⟦hex sha256 TOKEN⟧  the SHA-256 of TOKEN in 64 lower-case hexadecimal digits
//	⟦HEX sha256 TOKEN⟧  the same in upper case
//	⟦raw sha256 TOKEN⟧  the 32 bytes of it
//	⟦base64 TEXT⟧       TEXT in base64, with padding
//
// Any other character above U+00FF is an error.
type Text []byte

const (
	openBracket  = "⟦"
	closeBracket = "⟧"
	times        = "×"

	// maxExpansion bounds what one pair of brackets may stand for.
	maxExpansion = 1 << 20
)

// UnmarshalJSON decodes a JSON string.
func (t *Text) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	b, err := expand(s)
	if err != nil {
		return fmt.Errorf("%w in %.80q", err, s)
	}
	*t = b
	return nil
}

func expand(s string) ([]byte, error) {
	var out []byte
	for s != "" {
		plain, rest, bracket := strings.Cut(s, openBracket)
		b, err := latin1(plain)
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
		if !bracket {
			break
		}
		inside, after, closed := strings.Cut(rest, closeBracket)
		if !closed {
			return nil, errors.New("a bracket that does not close")
		}
		if b, err = expandBracket(inside); err != nil {
			return nil, err
		}
		out, s = append(out, b...), after
	}
	return out, nil
}

func expandBracket(inside string) ([]byte, error) {
	if text, ok := strings.CutPrefix(inside, "base64 "); ok && text != "" {
		b, err := latin1(text)
		return base64.StdEncoding.AppendEncode(nil, b), err
	}
	if form, token, ok := strings.Cut(inside, " sha256 "); ok {
		b, err := latin1(token)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		digits := hex.EncodeToString(sum[:])
		switch form {
		case "hex":
			return []byte(digits), nil
		case "HEX":
			return []byte(strings.ToUpper(digits)), nil
		case "raw":
			return sum[:], nil
		}
		return nil, errors.New("an unknown form of sha256 in brackets")
	}
	at := strings.LastIndex(inside, times)
	if at < 1 {
		return nil, errors.New("unknown words in brackets")
	}
	unit, err := latin1(inside[:at])
	if err != nil {
		return nil, err
	}
	count, err := strconv.Atoi(inside[at+len(times):])
	if err != nil || count < 2 || count > maxExpansion/len(unit) {
		return nil, errors.New("a count that is not usable in brackets")
	}
	return bytes.Repeat(unit, count), nil
}

func latin1(s string) ([]byte, error) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return nil, fmt.Errorf("the character %q, which is no byte,", r)
		}
		b = append(b, byte(r))
	}
	return b, nil
}
