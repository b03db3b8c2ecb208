package server

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// requestsByKind are those that the hot path sees.
func requestsByKind() map[string]string {
	return map[string]string{
		"granted":  testAuth,
		"denied":   testDenied,
		"scoped":   strings.Replace(testAuth, "/auth", "/auth?scope=metrics&scope=deploy", 1),
		"envoy":    strings.Replace(testAuth, "/auth", "/ext_authz/a/b?c", 1),
		"health":   "GET /health HTTP/1.1\r\nHost: a\r\n\r\n",
		"unknown":  "GET /nope HTTP/1.1\r\nHost: a\r\n\r\n",
		"http 1.0": strings.Replace(testAuth, "HTTP/1.1", "HTTP/1.0", 1),
		"refused":  "GET /\r\n",
	}
}

func TestNoAllocations(t *testing.T) {
	for _, measure := range []bool{false, true} {
		w := newWorkerWith(newKeyring(t, testToken, ""), Options{Measure: measure})
		for range 2 * auditBurst { // lines that are written do allocate
			advanceAll(w, []byte(testDenied))
		}
		out := make([]byte, 0, 1024)
		for name, request := range requestsByKind() {
			in := []byte(request)
			allocations := testing.AllocsPerRun(1000, func() {
				var x http1.Exchange
				out = w.advance(&x, in, out[:0], testPeer{}, false, false).Out
			})
			if allocations != 0 || len(out) == 0 {
				t.Errorf("%s, measured %t: %v allocations", name, measure, allocations)
			}
		}
	}
}

func BenchmarkAdvance(b *testing.B) {
	for name, request := range requestsByKind() {
		b.Run(name, func(b *testing.B) { benchmarkAdvance(b, request, Options{}) })
	}
	b.Run("granted and measured", func(b *testing.B) { benchmarkAdvance(b, testAuth, Options{Measure: true}) })
}

func benchmarkAdvance(b *testing.B, request string, options Options) {
	b.Helper()
	w := newWorkerWith(newKeyring(b, testToken, ""), options)
	out := make([]byte, 0, 1024)
	in := []byte(request)
	b.ReportAllocs()
	for b.Loop() {
		var x http1.Exchange
		out = w.advance(&x, in, out[:0], testPeer{}, false, false).Out
	}
}

// FuzzAdvance: whatever comes in, however it is cut, what goes out is a
// sequence of well-formed responses, and the cuts do not matter.
func FuzzAdvance(f *testing.F) {
	for _, request := range vectors.RequestTexts() {
		if len(request) < 20_000 {
			f.Add(request, uint16(len(request)/2), uint16(3))
		}
	}
	w := newTestWorker(f, newKeyring(f, testToken, ""))
	f.Fuzz(func(t *testing.T, in []byte, first, second uint16) {
		whole, closed := advanceAll(w, in)
		checkResponses(t, whole)
		a := min(int(first), len(in))
		b := min(a+int(second), len(in))
		got, gotClosed := advanceAll(w, in[:a], in[a:b], in[b:])
		if !sameResponses(got, whole) || gotClosed != closed {
			t.Errorf("cut at %d and %d: %q, closed %v; whole: %q, closed %v", a, b, got, gotClosed, whole, closed)
		}
	})
}

// checkResponses reads out as a client does, which takes every response for
// one to a GET.
func checkResponses(t *testing.T, out []byte) {
	t.Helper()
	out = bytes.ReplaceAll(out, []byte("Content-Length: 7\r\n\r\nHTTP"), []byte("Content-Length: 0\r\n\r\nHTTP")) // to HEAD
	if bytes.HasSuffix(out, []byte("Content-Length: 7\r\n\r\n")) {
		out = append(out, healthyBody...)
	}
	r := bufio.NewReader(bytes.NewReader(out))
	for {
		if _, err := r.Peek(1); err != nil {
			return
		}
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		if _, err := io.ReadAll(response.Body); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
	}
}
