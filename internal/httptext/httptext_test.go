package httptext_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/httptext"
)

// TestClasses asks for each byte what RFC 9110 says of it.
func TestClasses(t *testing.T) {
	t.Parallel()
	const tchars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for i := range 256 {
		c := byte(i)
		for _, b := range [][]byte{{c}, {'a', c}, {c, 'a'}} {
			if got, want := httptext.IsToken(b), strings.IndexByte(tchars, c) >= 0; got != want {
				t.Errorf("IsToken(%q) = %v", b, got)
			}
			if got, want := httptext.IsText(b), c == '\t' || c >= ' ' && c != 0x7f; got != want {
				t.Errorf("IsText(%q) = %v", b, got)
			}
		}
		if got, want := httptext.IsDigit(c), strings.IndexByte("0123456789", c) >= 0; got != want {
			t.Errorf("IsDigit(%q) = %v", c, got)
		}
		if got, want := httptext.IsSpace(c), c == ' ' || c == '\t'; got != want {
			t.Errorf("IsSpace(%q) = %v", c, got)
		}
	}
	if httptext.IsToken(nil) || !httptext.IsText(nil) {
		t.Error("nothing is text, and is not a token")
	}
}

func TestTrim(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", " ": "", "\t \t": "", "a": "a", " a": "a", "a\t": "a", "\t a b \t ": "a b", "\na\r": "\na\r", "\u00a0a": "\u00a0a",
	} {
		if got := httptext.Trim([]byte(in)); string(got) != want {
			t.Errorf("Trim(%q) = %q, want %q", in, got, want)
		}
		if got := httptext.Trim(in); got != want {
			t.Errorf("Trim(%q) = %q for a string, want %q", in, got, want)
		}
	}
}

// TestEqualFold compares with every byte in the place of one letter. KELVIN SIGN
// and LATIN SMALL LETTER LONG S are what Unicode folds into ASCII.
func TestEqualFold(t *testing.T) {
	t.Parallel()
	for i := range 256 {
		b := []byte{'H', byte(i), 's', 't'}
		if got, want := httptext.EqualFold(b, "host"), bytes.ContainsRune([]byte("oO"), rune(i)); got != want {
			t.Errorf("EqualFold(%q) = %v", b, got)
		}
	}
	for in, want := range map[string]bool{"AZ-09": true, "az-09": true, "az-0": false, "az-099": false, "[`-09": false, "\u212az": false, "a\u017f": false} {
		if got := httptext.EqualFold([]byte(in), "az-09"); got != want {
			t.Errorf("EqualFold(%q) = %v", in, got)
		}
	}
	if !httptext.EqualFold("", "") {
		t.Error("nothing equals nothing")
	}
}
