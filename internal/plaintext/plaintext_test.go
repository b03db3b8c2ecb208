package plaintext

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestUnsendable: each token that no client can send has its own reason.
func TestUnsendable(t *testing.T) {
	t.Parallel()
	const token = tokentest.Good
	utf16 := func(s string, order int) string {
		var b []byte
		for _, c := range []byte(s) {
			b = append(b, []byte{c, 0, c}[order:order+2]...)
		}
		return string(b)
	}
	for text, want := range map[string]string{
		token:                               "",
		token + "\n":                        "ends with a line break",
		token + "\n\n":                      "ends with a line break",
		token + "\r\n":                      "ends with a line break",
		token + "\r":                        "ends with a line break",
		token + " ":                         "has whitespace around it",
		"\t" + token:                        "has whitespace around it",
		token + "\x00":                      "has a control byte",
		token + "\x7f" + token:              "has a control byte",
		token + "\r" + token:                "has a control byte",
		token + "\x1b[0m" + token:           "has a control byte",
		token + "\n" + token:                "has more than one line; a token is one line",
		"\n" + token:                        "has more than one line; a token is one line",
		token + "\n" + tokentest.Keyring(1): "of the two that `auth-service token new` prints",
		"\xef\xbb\xbf" + token:              "begins with a byte order mark",
		"\xff\xfe" + utf16(token, 0):        "is UTF-16 text",
		"\xfe\xff" + utf16(token, 1):        "is UTF-16 text",
		utf16(token, 0):                     "is UTF-16 text",
		utf16(token+"\n", 1):                "is UTF-16 text",
		strings.Repeat("t", 8165):           "",
		strings.Repeat("t", 8169):           "is longer than the 8168 bytes",
		"two words":                         "",
		"tab\tinside":                       "",
		"\xff\xff\xff":                      "",
		"schl\u00fcssel-mit-\u00dcmlaut":    "",
		token + "\u00a0":                    "",
	} {
		if got := Unsendable([]byte(text)); !strings.HasPrefix(got, want) && !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%.60q: %q, want %q", text, got, want)
		}
	}
}

// TestDoubts: what looks like a mistake, and what does not.
func TestDoubts(t *testing.T) {
	t.Parallel()
	made, err := New(bytes.NewReader(make([]byte, tokenRandomBytes)))
	if err != nil {
		t.Fatal(err)
	}
	const older = "as_-yBFao-02f4jSG2St9wBJktwlbrfBClOc5i94gcsUXY3AcCO1"
	for text, want := range map[string]string{
		tokentest.Good:                      "",
		string(made):                        "",
		string(made[:40]) + "x":             "",
		"+/abc/def0123456789+/==":           "",
		"QUJDREVGR0hJSktMTU5PUA==":          "",
		"eyJhbGciOi.eyJzdWIiOi.SflKxwRJSM=": "",
		"Bearers-of-tokens":                 "",
		"a=b":                               "NAME=",
		"export AUTH_SERVICE_TOKEN=" + tokentest.Good: "NAME=",
		"AUTH_SERVICE_TOKEN=" + tokentest.Good:        "NAME=",
		"bearer " + tokentest.Good:                    "Authorization",
		"BEARER\t" + tokentest.Good:                   "Authorization",
		"Authorization: Bearer " + tokentest.Good:     "Authorization",
		`"` + tokentest.Good + `"`:                    "quotation marks",
		"'" + tokentest.Good + "'":                    "quotation marks",
		"\u201c" + tokentest.Good + "\u201d":          "quotation marks",
		tokentest.Good + `"`:                          "quotation marks",
		"sha256:" + strings.Repeat("0", 64):           "a line of a keyring",
		strings.TrimSpace(tokentest.Keyring(1)):       "a line of a keyring",
		"as_" + strings.Repeat("A", 43) + "000000":    "checksum",
		// Older tokens, in base64url.
		older:                            "",
		older[:20] + "y" + older[21:]:    "checksum",
		older[:len(older)-1] + "0":       "checksum",
		string(made[:10]) + older[10:]:   "checksum",
		string(made[:len(made)-1]) + "Z": "checksum",
	} {
		got := strings.Join(Doubts([]byte(text)), "; ")
		if !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if strings.Contains(got, tokentest.Good) {
			t.Errorf("%q is quoted", text)
		}
	}
}

// FuzzPlaintext: a usable token lets its bearer in, with the field as net/http
// writes and reads it. An unusable one would let nobody in, or has an encoding
// that no client sends.
func FuzzPlaintext(f *testing.F) {
	for _, v := range vectors.Verdicts() {
		if v.Token != nil {
			f.Add(v.Token)
		}
		for _, authorization := range v.Authorization {
			f.Add(bytes.TrimPrefix(authorization, []byte("Bearer ")))
		}
	}
	for _, text := range vectors.KeyringTexts() {
		f.Add(text)
	}
	for _, text := range []string{tokentest.Good + "\r\n", "\xef\xbb\xbf" + tokentest.Good, "\xff\xfea\x00", "NAME=" + tokentest.Good, `"` + tokentest.Good + `"`, "Bearer " + tokentest.Good} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, token []byte) {
		before := bytes.Clone(token)
		reason := Unsendable(token)
		told := append(Doubts(token), reason, TooShort(token, MinLength))
		if !bytes.Equal(token, before) {
			t.Fatal("the check changed the token")
		}
		if len(token) >= MinLength && slices.ContainsFunc(told, func(s string) bool { return strings.Contains(s, string(token)) }) {
			t.Fatalf("%q is quoted in %q", token, told)
		}
		if len(token) == 0 {
			return
		}
		passes := bearerPasses(t, token)
		encoded := bytes.HasPrefix(token, []byte("\xef\xbb\xbf")) || isUTF16(token)
		if (reason == "") != (passes && !encoded) {
			t.Fatalf("%q: %q, and a request with it passes: %t", token, reason, passes)
		}
	})
}

// bearerPasses sends the token as net/http does.
func bearerPasses(t *testing.T, token []byte) bool {
	t.Helper()
	k, err := core.NewKeyring(bytes.NewReader(make([]byte, 3*core.SaltSize)), token, nil)
	if err != nil {
		t.Fatal(err)
	}
	value := "Bearer " + string(token)
	if len("Authorization")+len(value)+len("Host") > 8192 {
		return false
	}
	var written bytes.Buffer
	// Header.Write turns line ends into spaces; a client would refuse them.
	if err := (http.Header{"Authorization": {value}}).Write(&written); err != nil {
		t.Fatal(err)
	}
	sent := strings.TrimSuffix(strings.TrimPrefix(written.String(), "Authorization: "), "\r\n")
	for _, c := range []byte(sent) {
		if c < ' ' && c != '\t' || c == 0x7f { // RFC 9110, section 5.5
			return false
		}
	}
	return k.Authorize(&core.Request{Authorization: []byte(sent), AuthorizationCount: 1}).Granted()
}
