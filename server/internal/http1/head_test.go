package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core/vectors"
)

func BenchmarkHead(b *testing.B) {
	in := []byte("GET /auth HTTP/1.1\r\nHost: auth\r\nAuthorization: Bearer " + "token-of-the-server-tests-0123456789-ABCDEFGH" +
		"\r\nX-Original-URI: /metrics\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n")
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		var h Head
		if n, f := h.Parse(in, DefaultLimit); n != len(in) || f != NoFault {
			b.Fatal(n, f)
		}
	}
}

// FuzzHead is differential: what parse takes, net/http takes, and reads the
// same from. net/http parses the request-target as a URL, beyond what RFC 9112
// asks, so it gets another one.
func FuzzHead(f *testing.F) {
	for _, request := range vectors.RequestTexts() {
		if len(request) < 20_000 {
			f.Add(request)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var h Head
		n, bad := h.Parse(in, DefaultLimit)
		if n == 0 || bad != NoFault {
			return
		}
		method := string(h.Method.Of(in))
		rest := in[:n]
		_, rest, _ = bytes.Cut(rest, []byte(" "))
		_, rest, _ = bytes.Cut(rest, []byte(" "))
		rewritten := append([]byte(method+" / "), rest...)
		request, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(rewritten), strings.NewReader("0\r\n\r\n"))))
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", rewritten, err)
		}
		if request.Method != method || request.ProtoMinor != int(h.Minor) {
			t.Errorf("%s HTTP/1.%d, not %s HTTP/1.%d", request.Method, request.ProtoMinor, method, h.Minor)
		}
		values := request.Header["Authorization"]
		if len(values) != int(h.AuthorizationCount) {
			t.Fatalf("%d Authorization fields, not %d", len(values), h.AuthorizationCount)
		}
		if len(values) > 0 && values[0] != string(h.Authorization.Of(in)) {
			t.Errorf("Authorization %q, not %q", values[0], h.Authorization.Of(in))
		}
		switch {
		case h.codings > 0 && h.Minor > 0:
			if len(request.TransferEncoding) != 1 {
				t.Errorf("Transfer-Encoding %q", request.TransferEncoding)
			}
		case h.codings == 0:
			if request.ContentLength != h.contentLength {
				t.Errorf("Content-Length %d, not %d", request.ContentLength, h.contentLength)
			}
		}
	})
}
