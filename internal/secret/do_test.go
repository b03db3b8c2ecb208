package secret

import (
	"crypto/rand"
	"encoding/base64"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"unsafe"

	"github.com/concrete-security/auth-service/core"
)

const (
	painted = 16 << 10
	paint   = 0xa5
)

// paintStack fills the stack below its caller's frame.
//
//go:noinline
func paintStack() {
	var frame [painted]byte
	for i := range frame {
		frame[i] = paint
	}
	moveZeros(nil, frame[:])
}

// paintedBelow returns the distance from top down to the deepest byte that is
// no longer as paintStack left it.
//
//go:noinline
func paintedBelow(top *byte) int {
	const margin = 512 // of the painted frame, for alignment and calls
	for depth := painted - margin; depth > 0; depth-- {
		if *(*byte)(unsafe.Add(unsafe.Pointer(top), -depth)) != paint {
			return depth
		}
	}
	return 0
}

// depthOf returns how far below its caller f writes to the stack.
//
//go:noinline
func depthOf(f func()) int {
	var top byte
	paintStack()
	f()
	return paintedBelow(&top)
}

// leftBelow returns the longest run of bytes, from top down to depth, that are as
// paintStack left them.
//
//go:noinline
func leftBelow(top *byte, depth int) (longest int) {
	run := 0
	for ; depth > 0; depth-- {
		if *(*byte)(unsafe.Add(unsafe.Pointer(top), -depth)) != paint {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// onFreshStack runs f in a goroutine of its own, with at least padding bytes of
// stack in use.
func onFreshStack(padding int, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		deeper(padding, f)
	}()
	<-done
}

//go:noinline
func deeper(padding int, f func()) {
	var frame [16]byte
	if padding > 0 {
		deeper(padding-len(frame), f)
	} else {
		f()
	}
	frame[0]++
}

// interruption is how much the runtime stores on a stack when it interrupts a Go
// function: the registers, 464 bytes on riscv64 and less elsewhere. It does not
// interrupt assembly.
const interruption = 464

// uses are all the ways in which core handles a token.
func uses(t *testing.T) map[string]func() {
	t.Helper()
	short, long := []byte(strings.Repeat("s", 96)), []byte(strings.Repeat("l", 8000))
	entries := []core.Entry{
		{Principal: "ann", Credential: core.CredentialOf(short), Scopes: []string{"a", "b"}, Expires: core.Never},
		{Principal: "bob", Credential: core.CredentialOf(long), Scopes: []string{"c"}, Expires: core.Never},
	}
	ways := map[string]func(){}
	for name, token := range map[string][]byte{"short": short, "long": long} {
		one := keyring(t, token, nil)
		both := keyring(t, append([]byte("another "), token...), entries)
		request := core.Request{Authorization: append([]byte("Bearer "), token...), AuthorizationCount: 1, Scopes: []byte("a b")}
		ways["verdict, token, "+name] = func() { one.Authorize(&request) }
		ways["verdict, token and entries, "+name] = func() { both.Authorize(&request) }
		encoded := []byte("Basic " + base64.StdEncoding.EncodeToString(append([]byte("ann:"), token...)))
		basic := core.Request{AuthorizationCount: 1, Schemes: core.Bearer | core.Basic, Scopes: []byte("a b")}
		field := core.Request{Token: token, TokenCount: 1, Schemes: core.NoScheme, Scopes: []byte("a b")}
		ways["verdict, Basic, "+name] = func() {
			basic.Authorization = append(basic.Authorization[:0], encoded...) // it is decoded in place
			both.Authorize(&basic)
		}
		ways["verdict, field, "+name] = func() { both.Authorize(&field) }
		ways["credential, "+name] = func() { core.CredentialOf(token) }
		ways["keyring of a token, "+name] = func() { keyring(t, token, nil) }
		ways["keyring of a token and entries, "+name] = func() { keyring(t, token, entries) }
	}
	return ways
}

func keyring(tb testing.TB, token []byte, entries []core.Entry) *core.Keyring {
	tb.Helper()
	k, err := core.NewKeyring(rand.Reader, token, entries)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// TestDepth measures how much stack core uses for a token, on the platform and the
// processor that it runs on. go test -v -run Depth ./core prints it.
func TestDepth(t *testing.T) {
	for name, use := range uses(t) {
		var depth int
		onFreshStack(0, func() { depth = depthOf(use) })
		t.Logf("%s: %d bytes, of %d that are cleared", name, depth, stackDepth)
		if depth == 0 {
			t.Fatalf("%s: the measurement does not work", name)
		}
		if depth+interruption > stackDepth {
			t.Errorf("%s: core uses %d bytes of stack, an interruption up to %d; stackDepth is %d", name, depth, interruption, stackDepth)
		}
	}
}

// TestDepthOfOlderProcessors measures how much stack core uses if the
// processor has no instructions for it.
func TestDepthOfOlderProcessors(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes frames larger; a build without it is what is released")
	}
	without := map[string][]string{"amd64": {"cpu.sha=off", "cpu.sha=off,cpu.avx2=off"}, "arm64": {"cpu.sha2=off"}}[runtime.GOARCH]
	if len(without) == 0 {
		t.Skip("the hash is the same on every processor of this kind")
	}
	for _, setting := range without {
		c := exec.Command(os.Args[0], "-test.run=^TestDepth$", "-test.v")
		c.Env = append(os.Environ(), "GODEBUG="+setting)
		out, err := c.CombinedOutput()
		if err != nil && c.Process == nil {
			t.Skip("an emulator runs this test and cannot start another process: ", err)
		}
		if err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%s: %v\n%s", setting, err, out)
		}
		t.Logf("%s\n%s", setting, out)
	}
}

// TestWipeStackLeavesNothingOut: wipeStack clears every part of its frame.
func TestWipeStackLeavesNothingOut(t *testing.T) {
	var before, after int
	onFreshStack(0, func() {
		var top byte
		paintStack()
		before = leftBelow(&top, stackDepth)
		wipeStack()
		after = leftBelow(&top, stackDepth)
	})
	if before < stackDepth-512 || after > 4 { // a few may be an address's
		t.Errorf("of %d bytes %d were painted and %d are left", stackDepth, before, after)
	}
}

// TestDoStackStaysWhereItIs holds Do to its promise at every depth of the
// caller: a stack that moves leaves a copy of the token behind. The collector, which may
// move it too, is off: Do promises nothing about that.
func TestDoStackStaysWhereItIs(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for name, use := range uses(t) {
		moved, grew := 0, 0
		for padding := 0; padding < 16<<10; padding += 48 {
			onFreshStack(padding, func() {
				var here byte
				first := addressOf(&here)
				before := first
				Do(func() {
					before = addressOf(&here)
					use()
				})
				if addressOf(&here) != before {
					moved++
				}
				if before != first {
					grew++
				}
			})
		}
		if moved > 0 {
			t.Errorf("%s: the stack moved at %d depths", name, moved)
		}
		if grew == 0 {
			t.Errorf("%s: no stack had to grow: the test shows nothing", name)
		}
	}
}

func TestDoAllocatesNothing(t *testing.T) {
	calls := 0
	if n := testing.AllocsPerRun(100, func() { Do(func() { calls++ }) }); n != 0 || calls == 0 {
		t.Errorf("%v allocations, %d calls", n, calls)
	}
}
