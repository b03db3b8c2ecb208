package server

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

const testIdentity = "X-Auth-Request-User: default\r\n"

// ofSizes is a request with a line and fields of these sizes, as MaxHeaderBytes counts
// them. The token comes last.
func ofSizes(line, fields int) string {
	filler := func(n int, parts ...string) string {
		return strings.Repeat("x", n-len(strings.Join(parts, "")))
	}
	return "GET /ext_authz/" + filler(line, "GET /ext_authz/", " HTTP/1.1\r\n") + " HTTP/1.1\r\nHost: a\r\n" +
		"Cookie: " + filler(fields, "Host", "a", "Cookie", "Authorization", "Bearer ", testToken) + "\r\n" +
		"Authorization: Bearer " + testToken + "\r\n\r\n"
}

// TestMaxHeaderBytes: both limits are met to the byte, by either engine, and a request
// that is as large as can be gets the verdict of any other.
func TestMaxHeaderBytes(t *testing.T) {
	t.Parallel()
	const usual = 200
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		for setting, most := range map[int]int{0: 8192, 1: 8192, 8192: 8192, 8193: 8193, 16384: 16384, 61440: 61440, 100_000: 61440} {
			r := start(t, en, newKeyring(t, testToken, ""), Options{MaxHeaderBytes: setting})
			for _, c := range []struct {
				line, fields int
				want         string
			}{
				{most - 1, usual, "200"},
				{most, usual, "200"},
				{most + 1, usual, "414"},
				{usual, most - 1, "200"},
				{usual, most, "200"},
				{usual, most + 1, "431"},
				{most, most, "200"},
				{most, most + 1, "431"},
			} {
				conn := r.dial(t)
				request := ofSizes(c.line, c.fields)
				half := len(request) / 2
				if c.want != "200" {
					half = 0 // what is refused may have been answered by then
				}
				_, _ = io.WriteString(conn, request[:half])
				head := ask(t, conn, request[half:])
				if status(head) != c.want || strings.Contains(head, testIdentity) != (c.want == "200") {
					t.Errorf("MAX_HEADER_BYTES %d, line %d, fields %d: %q, want %s", setting, c.line, c.fields, head, c.want)
				}
				if c.want == "200" { // the connection goes on
					if head := ask(t, conn, testDenied); status(head) != "401" {
						t.Errorf("MAX_HEADER_BYTES %d, behind line %d, fields %d: %q", setting, c.line, c.fields, head)
					}
				}
			}
		}
	})
}

// TestLargeCookie: what a browser brings along to a site with many cookies.
func TestLargeCookie(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		request := strings.Replace(testAuth, "\r\n\r\n", "\r\nCookie: "+strings.Repeat("c", 9000)+"\r\n\r\n", 1)
		for setting, want := range map[int]string{0: "431", 16384: "200"} {
			r := start(t, en, newKeyring(t, testToken, ""), Options{MaxHeaderBytes: setting})
			if head := ask(t, r.dial(t), request); status(head) != want {
				t.Errorf("MAX_HEADER_BYTES %d: %q, want %s", setting, head, want)
			}
		}
	})
}

// TestLargeHeadInPieces: it does not matter how a head arrives that is longer than any
// with the default limit.
func TestLargeHeadInPieces(t *testing.T) {
	t.Parallel()
	w := newWorkerWith(newKeyring(t, testToken, ""), Options{MaxHeaderBytes: 61440})
	request := []byte(ofSizes(61440, 61440))
	for cut := 1; cut < len(request); cut += 4099 {
		out, closed := advanceAll(w, request[:cut], request[cut:])
		if closed || !bytes.Contains(out, []byte(testIdentity)) {
			t.Fatalf("cut at %d: %q", cut, out)
		}
	}
}
