package secret

import (
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

// BenchmarkDo shows what Do adds to a verdict.
func BenchmarkDo(b *testing.B) {
	token := []byte(strings.Repeat("s", 49))
	k := keyring(b, nil, []core.Entry{{Principal: "ann", Credential: core.CredentialOf(token), Expires: core.Never}})
	request := core.Request{Authorization: append([]byte("Bearer "), token...), AuthorizationCount: 1}
	b.Run("nothing", func(b *testing.B) {
		calls := 0
		for b.Loop() {
			Do(func() { calls++ })
		}
	})
	b.Run("verdict", func(b *testing.B) {
		var d core.Decision
		for b.Loop() {
			Do(func() { d = k.Authorize(request) })
			if !d.Granted() {
				b.Fatal(d)
			}
		}
	})
	b.Run("verdict alone", func(b *testing.B) {
		for b.Loop() {
			if d := k.Authorize(request); !d.Granted() {
				b.Fatal(d)
			}
		}
	})
}
