package vectors

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	sum := sha256.Sum256([]byte("a-token"))
	digits := hex.EncodeToString(sum[:])
	tests := []struct{ json, want string }{
		{`""`, ""},
		{`"plain text"`, "plain text"},
		{`"\u0000\t\r\n\u007f"`, "\x00\t\r\n\x7f"},
		{`"\u0080é\u00ff"`, "\x80\xe9\xff"},
		{`"\u00c3\u00a9"`, "é"},
		{`"×"`, "\xd7"},
		{`"a⟦b×3⟧c"`, "abbbc"},
		{`"⟦ab×2⟧⟦\r\n×2⟧"`, "abab\r\n\r\n"},
		{`"⟦\u00e9×2⟧"`, "\xe9\xe9"},
		{`"⟦a×b×2⟧"`, "a\xd7ba\xd7b"},
		{`"⟦x×8000⟧"`, strings.Repeat("x", 8000)},
		{`"⟦x×1048576⟧"`, strings.Repeat("x", 1<<20)},
		{`"⟦xy×524288⟧"`, strings.Repeat("xy", 1<<19)},
		{`"sha256:⟦hex sha256 a-token⟧"`, "sha256:" + digits},
		{`"⟦HEX sha256 a-token⟧"`, strings.ToUpper(digits)},
		{`"⟦raw sha256 a-token⟧"`, string(sum[:])},
		{`"Basic ⟦base64 alice:a-token⟧"`, "Basic YWxpY2U6YS10b2tlbg=="},
		{`"⟦base64 \u00fb\u00ff\n⟧⟦base64 a×2⟧"`, "+/8KYdcy"},
		{`"⟦hex sha256 ⟧"`, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	}
	for _, tt := range tests {
		var got Text
		if err := json.Unmarshal([]byte(tt.json), &got); err != nil || string(got) != tt.want {
			t.Errorf("%s: %.80q, %v, want %.80q", tt.json, got, err, tt.want)
		}
	}
}

func TestTextRefuses(t *testing.T) {
	for _, in := range []string{
		`1`, `"Ā"`, `"€"`, `"\ud83d\ude00"`, "\"\xff\"", `"⟧"`, `"a⟧b"`, `"⟦"`, `"⟦a×2"`, `"⟦⟧"`, `"⟦a⟧"`, `"⟦×2⟧"`,
		`"⟦a×⟧"`, `"⟦a×1⟧"`, `"⟦a×0⟧"`, `"⟦a×-2⟧"`, `"⟦a×2 ⟧"`, `"⟦a×0x2⟧"`, `"⟦a×1048577⟧"`, `"⟦ab×524289⟧"`, `"⟦€×2⟧"`, `"⟦⟦a×2⟧×2⟧"`,
		`"⟦Hex sha256 a⟧"`, `"⟦ sha256 a⟧"`, `"⟦hex sha512 a⟧"`, `"⟦hex sha256 €⟧"`,
		`"⟦base64 ⟧"`, `"⟦base64⟧"`, `"⟦Base64 a⟧"`, `"⟦base64 €⟧"`,
	} {
		var got Text
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("%s is taken for %q", in, got)
		}
	}
}
