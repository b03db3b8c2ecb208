package core_test

import (
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

func TestNames(t *testing.T) {
	const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	const principals = alphanumeric + "._-@+:/"
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
	for n := range 200 {
		name := strings.Repeat("n", n)
		principal, scope := core.CheckPrincipal(name), core.CheckScope(name)
		if (principal == nil) != (1 <= n && n <= 128) || (scope == nil) != (1 <= n && n <= 64) {
			t.Errorf("a name of %d bytes: principal %v, scope %v", n, principal, scope)
		}
	}
	for _, c := range principals {
		if err := core.CheckPrincipal(string(c) + "a"); (err == nil) != strings.ContainsRune(alphanumeric, c) {
			t.Errorf("a principal that begins with %c: %v", c, err)
		}
	}
}
