package core

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// FuzzBase64: what is decoded is what package encoding/base64 decodes strictly. That
// package ignores line ends, and this one does not.
func FuzzBase64(f *testing.F) {
	for _, seed := range []string{
		"", "=", "==", "====", "A", "AA", "AAA", "AAAA", "AA==", "AAA=", "AB==", "AAB=", "AQ==", "AAE=", "A===", "=AAA", "A=AA", "AA=A", "AAAA====",
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
