//go:build goexperiment.runtimesecret

package secret

import (
	"runtime"
	"runtime/secret"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

// BenchmarkRuntimeDo shows what Go's experimental runtime/secret.Do adds to a
// verdict, to be compared with [BenchmarkDo] of the same run. RATIONALE.md says what
// follows from it.
//
//	GOEXPERIMENT=runtimesecret go test -run '^$' -bench Do -count 10 ./internal/secret
func BenchmarkRuntimeDo(b *testing.B) {
	k, request := benchKeyring(b)
	verdicts := func(b *testing.B) {
		b.ReportAllocs()
		var d core.Decision
		for b.Loop() {
			secret.Do(func() { d = k.Authorize(&request) })
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
	b.Run("allocation of 64 bytes", func(b *testing.B) {
		var kept *[64]byte
		for b.Loop() {
			secret.Do(func() { kept = new([64]byte) })
		}
		runtime.KeepAlive(kept)
	})
}
