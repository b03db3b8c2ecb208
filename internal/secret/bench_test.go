package secret

import (
	"runtime"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

func benchKeyring(b *testing.B) (*core.Keyring, core.Request) {
	b.Helper()
	token := []byte(strings.Repeat("s", 49))
	k := keyring(b, nil, []core.Entry{{Principal: "ann", Credential: core.CredentialOf(token), Expires: core.Never}})
	return k, core.Request{Authorization: append([]byte("Bearer "), token...), AuthorizationCount: 1}
}

// BenchmarkDo shows what Do adds to a verdict, on an ordinary stack and on one as
// large as an event loop's, and to an allocation.
func BenchmarkDo(b *testing.B) {
	k, request := benchKeyring(b)
	b.Run("nothing", func(b *testing.B) {
		calls := 0
		for b.Loop() {
			Do(func() { calls++ })
		}
	})
	verdicts := func(b *testing.B) {
		b.ReportAllocs()
		var d core.Decision
		for b.Loop() {
			Do(func() { d = k.Authorize(&request) })
			if !d.Granted() {
				b.Fatal(d)
			}
		}
	}
	b.Run("verdict", verdicts)
	b.Run("verdict on a stack of 64 KiB", func(b *testing.B) {
		if err := Undisturbed(func() { verdicts(b) }); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("verdict alone", func(b *testing.B) {
		for b.Loop() {
			if d := k.Authorize(&request); !d.Granted() {
				b.Fatal(d)
			}
		}
	})
	b.Run("allocation of 64 bytes", func(b *testing.B) {
		var kept *[64]byte
		for b.Loop() {
			Do(func() { kept = new([64]byte) })
		}
		runtime.KeepAlive(kept)
	})
}
