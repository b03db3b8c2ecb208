package core

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"
)

// FuzzBase64: what is decoded is what package encoding/base64 decodes strictly. That
// package ignores line ends, and this one does not.
func FuzzBase64(f *testing.F) {
	for _, seed := range []string{
		"", "=", "==", "====", "A", "AA", "AAA", "AAAA", "AA==", "AAA=", "AB==", "AAB=", "AQ==", "AAE=", "A===", "=AAA", "A=AA", "AA=A", "AAAA====",
		"AAAAAAAAAAAA", "AAAAAAAAAAA=", "AAAAAAAAAA==", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "AAAAAAA=AAAA", "AAAAAAA\xc1AAAA", "AAA-AAAAAAAA", "AAAAAAAAAB==",
		"AAAAAA==", "AAAAAAA=", "AAA=AAAA", "QUJD\n", "QUJD\r\n", "QU\nJD", " QUJD", "-_-_", "+/+/", "\x00AAA", "\xffAAA", "AAA\x80", "@AAA", "[AAA", "`AAA", "{AAA", "/AAA", ":AAA", ",AAA", ".AAA",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		want, err := base64.StdEncoding.Strict().DecodeString(string(encoded))
		valid := err == nil && len(encoded) > 0 && !bytes.ContainsAny(encoded, "\r\n")
		got, ok := decodeBase64(bytes.Clone(encoded))
		if ok != valid || ok && !bytes.Equal(got, want) {
			t.Errorf("%q: %q, %t; want %q, %t", encoded, got, ok, want, valid)
		}
	})
}

func TestSextet(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for c := range 256 {
		if got, want := sextet(byte(c)), strings.IndexByte(alphabet, byte(c)); got != want {
			t.Errorf("%q: %d, want %d", rune(c), got, want)
		}
	}
}

// TestSextets: what a byte holds does not reach another one.
func TestSextets(t *testing.T) {
	for c := range 256 {
		for _, others := range []byte{0, '+', '/', '0', 'A', 'Q', 'z', 0x7f, 0x80, 0xff} {
			for at := range 8 {
				characters := bytes.Repeat([]byte{others}, 8)
				characters[at] = byte(c)
				values, wrong := sextets(binary.BigEndian.Uint64(characters))
				bits := uint64(0)
				valid := true
				for i, character := range characters {
					value := sextet(character)
					valid = valid && value >= 0
					bits = bits<<6 | uint64(value&0x3f)
					if got := values >> (8 * (7 - i)) & 0xff; value >= 0 && got != uint64(value) {
						t.Fatalf("%q, byte %d: %d, want %d", characters, i, got, value)
					}
				}
				if (wrong == 0) != valid {
					t.Fatalf("%q: wrong %x", characters, wrong)
				}
				if got := joined(values); valid && got != bits {
					t.Fatalf("%q: %x, want %x", characters, got, bits)
				}
			}
		}
	}
}
