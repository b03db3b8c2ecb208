package core_test

import (
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
