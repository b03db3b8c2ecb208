//go:build !race

package guard_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/guard"
	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/secret"
)

// masked is a token of which only a disguise is in memory. With a user name of four bytes,
// it needs no padding in base64.
type masked [49]byte

const mask = 0x80

// newMasked returns a random token, its credential, and the credentials of Basic that have
// it as their password. It leaves the token nowhere else.
func newMasked(t *testing.T) (m masked, credential core.Credential, encoded string) {
	t.Helper()
	plain := make([]byte, len("user:")+len(m))
	if _, err := rand.Read(plain); err != nil {
		t.Fatal(err)
	}
	for i := range plain {
		plain[i] = 'a' + plain[i]%26
	}
	copy(plain, "user:")
	token := plain[len("user:"):]
	secret.Do(func() { credential = core.CredentialOf(token) })
	secret.Do(func() { encoded = base64.StdEncoding.EncodeToString(plain) })
	for i, c := range token {
		m[i] = c ^ mask
	}
	secret.Wipe(plain)
	return m, credential, encoded
}

const window = 16

// in counts the windows of the token in b.
func (m *masked) in(b []byte) (hits int) {
	var starts [256][]int // of the windows, by their first byte
	for i := range len(m) - window + 1 {
		starts[m[i]^mask] = append(starts[m[i]^mask], i)
	}
	for i := range b[:max(len(b)-window+1, 0)] {
		for _, at := range starts[b[i]] {
			same := 0
			for same < window && b[i+same]^mask == m[at+same] {
				same++
			}
			if same == window {
				hits++
			}
		}
	}
	return hits
}

// inMemory counts the windows of the token in the memory of this process.
func (m *masked) inMemory(t *testing.T) (hits int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		needtest.Missing(t, "reading the memory map of the process: %v", err)
	}
	memory, err := os.Open("/proc/self/mem")
	if err != nil {
		needtest.Missing(t, "reading the memory of the process: %v", err)
	}
	defer memory.Close()
	scanned := 0
	piece := make([]byte, 1<<20) // a buffer for all, so that the memory does not grow
	for line := range strings.Lines(string(maps)) {
		var start, end int64
		var mode string
		if strings.Contains(line, "[v") { // the kernel's own pages
			continue
		}
		if _, err := fmt.Sscanf(line, "%x-%x %s", &start, &end, &mode); err != nil {
			t.Fatal(err)
		}
		for mode[0] == 'r' && start < end {
			n, err := memory.ReadAt(piece[:min(int64(len(piece)), end-start)], start)
			hits += m.in(piece[:n])
			scanned += n
			if n <= window || err != nil { // reserved, and never touched
				break
			}
			start += int64(n - window + 1)
		}
	}
	if scanned < 1<<20 {
		t.Fatalf("only %d bytes were scanned", scanned)
	}
	return hits
}

// TestDecodedTokenIsNotLeft: what Check decodes is in memory during a verdict only.
func TestDecodedTokenIsNotLeft(t *testing.T) {
	token, credential, encoded := newMasked(t)
	k, err := core.NewKeyring(rand.Reader, nil, []core.Entry{{Principal: "ann", Credential: credential, Scopes: []string{"read"}, Expires: core.Never}})
	if err != nil {
		t.Fatal(err)
	}
	g := guard.New(k, guard.WithAccept(core.Accept{Schemes: core.Bearer | core.Basic, Fields: []string{"x-api-key"}}))
	for value, want := range map[string]core.Reason{
		"Basic " + encoded:          core.Granted,
		"Basic " + encoded + "YQ==": core.Unknown,
		"Basic " + encoded + "YQ=!": core.Malformed, // the fault is at the end, so most of it is decoded
	} {
		var pending sync.WaitGroup
		for range 50 {
			pending.Go(func() { // on a stack that is small at first
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header.Set("Authorization", value)
				if d := g.Check(r, "read"); d.Reason != want {
					t.Errorf("%s, want %s", d.Reason, want)
				}
			})
		}
		pending.Wait()
		if hits := token.inMemory(t); hits > 0 {
			t.Errorf("%s: %d windows of the token are in memory", want, hits)
		}
	}
	// The control: the scan finds a decoded token.
	kept, err := base64.StdEncoding.DecodeString(encoded)
	if hits := token.inMemory(t); hits == 0 || err != nil {
		t.Errorf("the scan finds no token that is there: %v", err)
	}
	runtime.KeepAlive(kept)
}
