package server

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
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

// everywhere accepts tokens in every place.
func everywhere() core.Accept {
	return core.Accept{Schemes: core.Bearer | core.Basic, Fields: []string{"x-token", "x-api-key"}}
}

// requestsByPlace have their tokens elsewhere than as Bearer.
func requestsByPlace() map[string]string {
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	return map[string]string{
		"basic":        strings.Replace(testAuth, "Bearer "+testToken, basic("prometheus:"+testToken), 1),
		"basic, wrong": strings.Replace(testDenied, "Bearer wrong", basic("prometheus:wrong"), 1),
		"field":        strings.Replace(testAuth, "Authorization: Bearer", "X-API-Key:", 1),
		"two places":   strings.Replace(testAuth, "Authorization", "X-API-Key: x\r\nAuthorization", 1),
	}
}

func TestNoAllocations(t *testing.T) {
	for _, options := range []Options{
		{},
		{Measure: true},
		{Accept: everywhere(), Realm: "a realm", Identity: core.IdentityUser | core.IdentityScopes | core.IdentityKey},
	} {
		w := newWorkerWith(newKeyring(t, testToken, ""), options)
		for range 2 * burst { // lines that are written do allocate
			advanceAll(w, []byte(testDenied))
		}
		out := make([]byte, 0, 1024)
		requests := requestsByKind()
		maps.Copy(requests, requestsByPlace())
		for name, request := range requests {
			in := []byte(request)
			allocations := testing.AllocsPerRun(1000, func() {
				var x http1.Exchange
				copy(in, request) // credentials of Basic are decoded in place
				out = w.advance(&x, in, out[:0], testPeer{}, false, false).Out
			})
			if allocations != 0 || len(out) == 0 {
				t.Errorf("%s, measured %t, accepted %v: %v allocations", name, options.Measure, options.Accept, allocations)
			}
		}
	}
}

func BenchmarkAdvance(b *testing.B) {
	for name, request := range requestsByKind() {
		b.Run(name, func(b *testing.B) { benchmarkAdvance(b, request, Options{}) })
	}
	for name, request := range requestsByPlace() {
		b.Run(name, func(b *testing.B) { benchmarkAdvance(b, request, Options{Accept: everywhere()}) })
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
		copy(in, request) // credentials of Basic are decoded in place
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
	k := newKeyring(f, testToken, "")
	workers := []*worker{newTestWorker(f, k), newWorkerWith(k, Options{Accept: everywhere()})}
	f.Fuzz(func(t *testing.T, in []byte, first, second uint16) {
		for _, w := range workers {
			whole, closed := advanceAll(w, in)
			checkResponses(t, whole)
			a := min(int(first), len(in))
			b := min(a+int(second), len(in))
			got, gotClosed := advanceAll(w, in[:a], in[a:b], in[b:])
			if !sameResponses(got, whole) || gotClosed != closed {
				t.Errorf("accepted %v, cut at %d and %d: %q, closed %v; whole: %q, closed %v", w.accept, a, b, got, gotClosed, whole, closed)
			}
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
