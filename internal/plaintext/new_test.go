package plaintext

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
)

// reference writes a number in base62 with as many digits, by package math/big, which has
// the two cases of letters the other way round.
func reference(n *big.Int, digits int) string {
	text := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, n.Text(62))
	return strings.Repeat("0", digits-len(text)) + text
}

var form = regexp.MustCompile(`^as_[0-9A-Za-z]{49}$`)

// checkNew compares the token of 32 bytes with what is documented.
func checkNew(t *testing.T, random []byte) {
	t.Helper()
	token, err := New(bytes.NewReader(random))
	if err != nil {
		t.Fatal(err)
	}
	body := "as_" + reference(new(big.Int).SetBytes(random), 43)
	want := body + reference(big.NewInt(int64(crc32.ChecksumIEEE([]byte(body)))), 6)
	if string(token) != want || !form.Match(token) {
		t.Errorf("%x: %s, want %s", random, token, want)
	}
	if reason := Unsendable(token) + TooShort(token, 52); reason != "" || mistyped(token) || len(Doubts(token)) > 0 {
		t.Errorf("%x: %s, %v", random, reason, Doubts(token))
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	checkNew(t, make([]byte, 32))
	checkNew(t, bytes.Repeat([]byte{0xff}, 32))
	for bit := range 256 { // each digit's weight, and the carry between bytes
		random := make([]byte, 32)
		random[bit/8] = 1 << (bit % 8)
		checkNew(t, random)
	}
	for range 1000 {
		random := make([]byte, 32)
		_, _ = rand.Read(random)
		checkNew(t, random)
	}
	for text, random := range map[string][]byte{
		"as_0000000000000000000000000000000000000000000": make([]byte, 32),
		"as_0000000000000000000000000000000000000000010": append(make([]byte, 31), 62),
		"as_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1": bytes.Repeat([]byte{0xff}, 32),
	} {
		token, err := New(bytes.NewReader(random))
		if err != nil || !strings.HasPrefix(string(token), text) {
			t.Errorf("%s, %v, want %s…", token, err, text)
		}
	}
}

// TestNewWithoutRandom: a source that fails, or has too little, gives no token.
func TestNewWithoutRandom(t *testing.T) {
	t.Parallel()
	failure := errors.New("no entropy")
	for _, random := range []io.Reader{iotest.ErrReader(failure), io.MultiReader(bytes.NewReader(make([]byte, 31)), iotest.ErrReader(failure))} {
		if token, err := New(random); token != nil || !errors.Is(err, failure) {
			t.Errorf("%q, %v", token, err)
		}
	}
	if token, err := New(bytes.NewReader(make([]byte, 31))); token != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", token, err)
	}
}

// TestDivideConsumes: nothing of the random number is left when its digits are written.
func TestDivideConsumes(t *testing.T) {
	t.Parallel()
	number := bytes.Repeat([]byte{0xff}, 32)
	for range bodyDigits {
		divide(number)
	}
	if !bytes.Equal(number, make([]byte, 32)) {
		t.Errorf("%x is left", number)
	}
}

// FuzzNew: the digits of any 32 bytes are those of package math/big.
func FuzzNew(f *testing.F) {
	f.Add(uint64(0), uint64(0), uint64(0), uint64(0))
	f.Add(uint64(math.MaxUint64), uint64(math.MaxUint64), uint64(math.MaxUint64), uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, a, b, c, d uint64) {
		random := make([]byte, 0, 32)
		for _, word := range []uint64{a, b, c, d} {
			random = binary.BigEndian.AppendUint64(random, word)
		}
		checkNew(t, random)
	})
}
