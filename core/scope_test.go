package core_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

func TestNames(t *testing.T) {
	const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	const principals = alphanumeric + "._-"
	const scopes = alphanumeric + "!#$%&'()*+-./:;<=>?@[]^_`{|}~"
	for c := range 256 {
		name := "a" + string([]byte{byte(c)}) + "a"
		if got, want := core.CheckPrincipal(name) == nil, c < 0x80 && strings.ContainsRune(principals, rune(c)); got != want {
			t.Errorf("principal %q: %t", name, got)
		}
		if got, want := core.CheckScope([]byte(name)) == nil, c < 0x80 && strings.ContainsRune(scopes, rune(c)); got != want {
			t.Errorf("scope %q: %t", name, got)
		}
	}
	for n, want := range map[int]bool{0: false, 1: true, 64: true, 65: false, 1000: false} {
		name := strings.Repeat("n", n)
		if principal, scope := core.CheckPrincipal(name), core.CheckScope(name); (principal == nil) != want || (scope == nil) != want {
			t.Errorf("a name of %d bytes: principal %v, scope %v", n, principal, scope)
		}
	}
}

// A scope that is not valid is one that no token has, even if an entry that a program
// made names it.
func TestInvalidScopes(t *testing.T) {
	token := []byte("token")
	for _, scopes := range [][]string{{"é"}, {"a b"}, {"a,b"}, {""}, {"a", "a b", "b"}} {
		k, err := core.NewKeyring(rand.Reader, nil, []core.Entry{
			{Principal: "ann", Credential: core.CredentialOf(token), Scopes: scopes, Expires: core.Never},
			{Principal: "bob", Credential: core.CredentialOf([]byte("other")), Scopes: []string{"a", "b"}, Expires: core.Never},
		})
		if err != nil {
			t.Fatal(err)
		}
		for required, want := range map[string]core.Reason{
			"é": core.InsufficientScope, "a,b": core.InsufficientScope, "a b": core.InsufficientScope, "": core.Granted,
		} {
			if len(scopes) == 3 && required == "a b" {
				want = core.Granted
			}
			r := core.Request{Authorization: append([]byte("Bearer "), token...), AuthorizationCount: 1, Scopes: []byte(required)}
			if d := k.Authorize(r); d.Reason != want {
				t.Errorf("of %q, %q is needed: %v", scopes, required, d.Reason)
			}
		}
	}
}
