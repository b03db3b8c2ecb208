package core

import (
	"errors"
	"strings"
)

// An Identity says what a backend is told of the owner of a token. It is always told the
// user. The zero Identity is the default: [IdentityUser] alone.
type Identity uint8

const (
	// IdentityUser is [Decision.Principal], in the field X-Auth-Request-User.
	IdentityUser Identity = 1 << iota
	// IdentityScopes is [Decision.Scopes], in the field X-Auth-Request-Scopes.
	IdentityScopes
	// IdentityKey is [Decision.Key], in the field X-Auth-Request-Key.
	IdentityKey
)

// Tells reports whether a backend is told part, which is one of the constants.
func (i Identity) Tells(part Identity) bool {
	return i&part != 0 || part == IdentityUser
}

// ParseIdentity reads a comma list of "user", "scopes" and "key", such as
// user,scopes. The order does not matter. Whitespace around an element is ignored. An
// empty list is an error, and so is an element that occurs twice.
func ParseIdentity(list string) (Identity, error) {
	var i Identity
	for more := true; more; {
		var element string
		element, list, more = strings.Cut(list, ",")
		var part Identity
		element = trimElement(element)
		switch element {
		case "user":
			part = IdentityUser
		case "scopes":
			part = IdentityScopes
		case "key":
			part = IdentityKey
		case "":
			return 0, errors.New("an element is empty; write a comma list of user, scopes and key, such as user,scopes")
		default:
			return 0, errors.New(shortOr(element, "an element") + " is unknown; write a comma list of user, scopes and key, such as user,scopes")
		}
		if i&part != 0 {
			return 0, errors.New(shortOr(element, "an element") + " occurs twice; write each of user, scopes and key once at most")
		}
		i |= part
	}
	return i, nil
}

// shortOr quotes a word of few letters. Any other may be a token, which an error must
// not show.
func shortOr(word, other string) string {
	if len(word) > 16 {
		return other
	}
	for _, c := range word {
		if c < 'A' || 'Z' < c && c < 'a' || 'z' < c {
			return other
		}
	}
	return "\"" + word + "\""
}
