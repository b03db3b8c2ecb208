package core_test

import (
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

func TestParseIdentity(t *testing.T) {
	t.Parallel()
	const user, scopes, key = core.IdentityUser, core.IdentityScopes, core.IdentityKey
	for list, want := range map[string]core.Identity{
		"user": user, "scopes": scopes, "key": key,
		"user,scopes,key": user | scopes | key, "key,user": key | user, " user ,\tscopes": user | scopes,
	} {
		got, err := core.ParseIdentity(list)
		if err != nil || got != want {
			t.Errorf("ParseIdentity(%q) = %b, %v; want %b", list, got, err, want)
		}
		for _, part := range []core.Identity{user, scopes, key} {
			if got.Tells(part) != (want&part != 0 || part == user) {
				t.Errorf("%q tells %b: %v", list, part, got.Tells(part))
			}
		}
	}
	for list, want := range map[string]string{
		"": "empty", " ": "empty", "user,": "empty", ",user": "empty", "user,,key": "empty",
		"User": "unknown", "users": "unknown", "user key": "unknown", "scope": "unknown", "*": "unknown", "user;key": "unknown",
		"users,key": `"users" is unknown`, strings.Repeat("t", 43): "an element is unknown",
		"ABCXYZabcxyzAaZz": `"ABCXYZabcxyzAaZz" is unknown`, "ABCXYZabcxyzAaZzz": "an element is unknown",
		"A@": "an element is unknown", "A[": "an element is unknown", "A`": "an element is unknown", "A{": "an element is unknown",
		"user,user": "twice", "key,user,key": "twice",
	} {
		got, err := core.ParseIdentity(list)
		if err == nil || got != 0 || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "; write ") {
			t.Errorf("ParseIdentity(%q) = %b, %v; want an error with %q and what to write", list, got, err, want)
		}
	}
}

func TestIdentityDefault(t *testing.T) {
	t.Parallel()
	var i core.Identity
	if !i.Tells(core.IdentityUser) || i.Tells(core.IdentityScopes) || i.Tells(core.IdentityKey) {
		t.Error("the zero Identity does not tell the user alone")
	}
}

// TestUnknownElement: an error quotes what is too short for a token and of letters alone.
func TestUnknownElement(t *testing.T) {
	t.Parallel()
	quoted := func(element string) bool {
		_, err := core.ParseIdentity(element)
		if err == nil {
			t.Fatalf("%q is accepted", element)
		}
		return strings.HasPrefix(err.Error(), `"`+element+`" is unknown`)
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for c := range 128 {
		element := "x" + string(rune(c)) + "x"
		if got := quoted(element); got != strings.Contains(letters, element[1:2]) {
			t.Errorf("%q: quoted %t", element, got)
		}
	}
	if !quoted(strings.Repeat("t", 16)) || quoted(strings.Repeat("t", 17)) {
		t.Error("the length from which an element is not quoted is another")
	}
}
