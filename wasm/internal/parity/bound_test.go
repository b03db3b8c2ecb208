package parity

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero/experimental"

	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// maxInstance is how large a client can make an instance's memory, in bytes. An
// instance begins with about 3 MiB, and memory never shrinks.
const maxInstance = 5632 << 10 // 5.5 MiB

// fieldSizes are sizes around the limits of what a host may hand over, and beyond.
var fieldSizes = []int{
	3 << 10, 5 << 10, 63 << 10, 64<<10 - 8, 64 << 10, 65 << 10, 100 << 10, 300 << 10, 700 << 10,
	1<<20 - 200, 1 << 20, 1<<20 + 1, 2 << 20, 15 << 20, 17 << 20,
}

// TestMemoryIsBounded: whatever clients send, an instance's memory stays within
// what the documentation says, and the instance keeps working.
func TestMemoryIsBounded(t *testing.T) {
	for _, e := range engines() {
		for _, r := range residents(t, e) {
			t.Run(r.name+"/"+e.name, func(t *testing.T) {
				begun := r.module.Memory().Size()
				for round := range 3 {
					for _, size := range fieldSizes {
						token := strings.Repeat("x", size)
						// A host may refuse what the module refuses to take.
						if status, err := r.ask(token); err == nil && status == 200 {
							t.Fatalf("%d bytes are granted", size)
						}
						for place, ask := range r.others {
							if status, err := ask(token); err == nil && status == 200 {
								t.Fatalf("%s: %d bytes are granted", place, size)
							}
						}
						r.check(t, hosttest.RightToken, 200)
					}
					if got := r.module.Memory().Size(); got > maxInstance {
						t.Fatalf("round %d: %d bytes of memory, more than %d", round, got, maxInstance)
					}
				}
				t.Logf("from %d to %d bytes of memory", begun, r.module.Memory().Size())
			})
		}
	}
}

// TestManyFieldsAreBounded: memory stays bounded with many short fields too.
func TestManyFieldsAreBounded(t *testing.T) {
	for _, e := range engines() {
		p := newProxy(t, e)
		root, err := p.configure(t.Context(), hosttest.Ordinary())
		if err != nil {
			t.Fatal(err)
		}
		for _, count := range []int{100, 1000, 10_000, 100_000, 500_000} {
			p.fields = nil
			for range count {
				p.fields = append(p.fields, [2]string{"x-auth-request-user", "root"}, [2]string{"a", "Bearer " + hosttest.RightToken})
			}
			if status, err := p.ask(t.Context(), root); err == nil && status == 200 {
				t.Errorf("%d fields without a token are granted", count)
			}
		}
		if got := p.module.Memory().Size(); got > maxInstance {
			t.Errorf("%s: %d bytes of memory, more than %d", e.name, got, maxInstance)
		}
	}
}

// memories records how large linear memories become.
type memories struct {
	mu      sync.Mutex
	largest uint64
}

func (m *memories) Allocate(capacity, _ uint64) experimental.LinearMemory {
	return &noted{of: m, bytes: make([]byte, 0, min(capacity, 1<<30))}
}

type noted struct {
	of    *memories
	bytes []byte
}

func (n *noted) Reallocate(size uint64) []byte {
	n.of.mu.Lock()
	n.of.largest = max(n.of.largest, size)
	n.of.mu.Unlock()
	if size > math.MaxInt32 {
		return nil
	}
	n.bytes = append(n.bytes, make([]byte, max(0, int(size)-len(n.bytes)))...)
	return n.bytes
}

func (n *noted) Free() {}

// inContext is a test whose instances are made in a context.
type inContext struct {
	testing.TB
	ctx context.Context
}

func (t inContext) Context() context.Context { return t.ctx }

// TestTraefikMemoryIsBounded: the same in Traefik's host, which makes an instance
// when none is free.
func TestTraefikMemoryIsBounded(t *testing.T) {
	m := &memories{}
	ctx := experimental.WithMemoryAllocator(t.Context(), m)
	g := newGateway(inContext{t, ctx}, quickest(), nil, traefik(), hosttest.Ordinary())
	for range 3 {
		for _, size := range fieldSizes {
			for token, want := range map[string]int{strings.Repeat("x", size): http.StatusUnauthorized, hosttest.RightToken: http.StatusOK} {
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
				r.Header.Set("Authorization", "Bearer "+token)
				w := httptest.NewRecorder()
				g.handler.ServeHTTP(w, r)
				if w.Code != want {
					t.Fatalf("%d bytes: status %d, want %d", len(token), w.Code, want)
				}
			}
		}
	}
	if m.largest == 0 || m.largest > maxInstance {
		t.Errorf("%d bytes of memory, more than %d", m.largest, maxInstance)
	}
}
