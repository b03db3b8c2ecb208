package core_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
)

const benchToken = "as_benchmark-token-of-forty-nine-characters-12345"

// keyringOf returns a keyring of n entries, benchToken's in the middle.
func keyringOf(tb testing.TB, n int) *core.Keyring {
	tb.Helper()
	entries := make([]core.Entry, n)
	for i := range entries {
		token := fmt.Sprintf("as_benchmark-token-of-some-length-%d", i)
		if i == n/2 {
			token = benchToken
		}
		entries[i] = core.Entry{
			Principal:  "p" + fmt.Sprint(i%1000),
			Credential: core.CredentialOf([]byte(token)),
			Scopes:     []string{"metrics"},
			Expires:    core.Never,
		}
	}
	k, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// BenchmarkVerdict shows the cost of a verdict against the number of entries,
// for a right and for a wrong token.
func BenchmarkVerdict(b *testing.B) {
	right := []byte("Bearer " + benchToken)
	wrong := []byte("Bearer " + strings.Repeat("w", len(benchToken)))
	for _, n := range []int{1, 1_000, 1_000_000} {
		k := keyringOf(b, n)
		for name, authorization := range map[string][]byte{"right": right, "wrong": wrong} {
			b.Run(fmt.Sprintf("entries=%d/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				r := core.Request{Authorization: authorization, AuthorizationCount: 1, Scopes: []byte("metrics")}
				granted := name == "right"
				for b.Loop() {
					if k.Authorize(&r).Granted() != granted {
						b.Fatal("wrong verdict")
					}
				}
			})
		}
	}
	basic := []byte("Basic " + base64.StdEncoding.EncodeToString([]byte("prometheus:"+benchToken)))
	b.Run("basic", func(b *testing.B) {
		b.ReportAllocs()
		k := keyringOf(b, 1_000)
		r := core.Request{Authorization: make([]byte, len(basic)), AuthorizationCount: 1, Schemes: core.Bearer | core.Basic, Scopes: []byte("metrics")}
		for b.Loop() {
			copy(r.Authorization, basic) // it is decoded in place
			if !k.Authorize(&r).Granted() {
				b.Fatal("wrong verdict")
			}
		}
	})
	b.Run("field", func(b *testing.B) {
		b.ReportAllocs()
		k := keyringOf(b, 1_000)
		for b.Loop() {
			r := core.Request{Schemes: core.NoScheme, Scopes: []byte("metrics")}
			r.AddField(0, right[len("Bearer "):])
			if !k.Authorize(&r).Granted() {
				b.Fatal("wrong verdict")
			}
		}
	})
	b.Run("single", func(b *testing.B) {
		b.ReportAllocs()
		k, err := core.NewKeyring(rand.Reader, []byte(benchToken), nil)
		if err != nil {
			b.Fatal(err)
		}
		r := core.Request{Authorization: right, AuthorizationCount: 1}
		for b.Loop() {
			if !k.Authorize(&r).Granted() {
				b.Fatal("wrong verdict")
			}
		}
	})
}

// BenchmarkLoad shows what it takes to read and index a million lines, and the
// memory that an entry takes from then on.
func BenchmarkLoad(b *testing.B) {
	const lines = 1_000_000
	var text strings.Builder
	for i := range lines {
		c := core.CredentialOf(fmt.Appendf(nil, "token-%d", i))
		fmt.Fprintf(&text, "principal-%d sha256:%s scope=metrics expires=%s\n", i%1000,
			hex.EncodeToString(c[:]), time.Unix(1_900_000_000, 0).UTC().Format(time.RFC3339))
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		entries, err := core.ParseKeyring([]byte(text.String()))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := core.NewKeyring(rand.Reader, nil, entries); err != nil {
			b.Fatal(err)
		}
	}
	entries, err := core.ParseKeyring([]byte(text.String()))
	if err != nil {
		b.Fatal(err)
	}
	before := heap()
	k, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric((heap()-before)/lines, "B/entry")
	runtime.KeepAlive(entries)
	runtime.KeepAlive(k)
}

// heap is how many bytes are in use.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
