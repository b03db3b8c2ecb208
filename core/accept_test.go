package core

import (
	"bytes"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core/vectors"
)

// plainBearerToken is bearerToken told in another way.
func plainBearerToken(value string) (string, bool) {
	i := strings.IndexAny(value, " \t")
	if i < 0 || !strings.EqualFold(value[:i], "Bearer") {
		return "", false
	}
	return strings.TrimLeft(value[i:], " \t"), true
}

func FuzzBearer(f *testing.F) {
	for _, value := range vectors.Authorizations() {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		value = trimWhitespace(value)
		if want := strings.Trim(string(value), " \t"); string(value) != want {
			t.Fatalf("trimmed to %q, want %q", value, want)
		}
		before := bytes.Clone(value)
		token, form := Bearer.tokenOf(value)
		ok := form == whole
		want, wantOK := plainBearerToken(string(value))
		if string(token) != want || ok != wantOK {
			t.Fatalf("%q: token %q, %t, want %q, %t", value, token, ok, want, wantOK)
		}
		if !bytes.Equal(value, before) {
			t.Fatalf("%q became %q", before, value)
		}
		if !ok {
			return
		}
		if len(token) == 0 || !bytes.HasSuffix(value, token) || !bytes.Equal(token, trimWhitespace(token)) {
			t.Fatalf("%q: token %q", value, token)
		}
		// The scheme's case and the whitespace behind it make no difference.
		for _, prefix := range []string{"bearer ", "BEARER \t \t"} {
			again, form := Bearer.tokenOf([]byte(prefix + string(token)))
			ok := form == whole
			if !ok || !bytes.Equal(again, token) {
				t.Fatalf("%q and %q: token %q, %t", prefix, token, again, ok)
			}
		}
	})
}

func TestTrimWhitespace(t *testing.T) {
	for value, want := range map[string]string{
		"": "", " ": "", "\t \t": "", "a": "a", " a ": "a", "\ta b\t": "a b",
		"\n a \r": "\n a \r", "\u00a0a": "\u00a0a", "\v a": "\v a",
	} {
		if got := trimWhitespace([]byte(value)); string(got) != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}
