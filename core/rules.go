package core

import (
	"errors"
	"slices"
)

// The longest names, in bytes.
const (
	maxPrincipalLength = 128
	maxScopeLength     = 64
)

var (
	errPrincipal = errors.New("a principal is 1 to 128 of the characters A-Z a-z 0-9 . _ - @ + : / and begins with a letter or a digit")
	errScope     = errors.New("a scope is 1 to 64 printable ASCII characters other than space, quote, comma and backslash")
	errAnyScope  = errors.New("scope=* beside other scopes; write * alone, or leave it out")
)

// CheckPrincipal returns nil if name can be a principal, and otherwise an error
// that says what can. The error does not quote name.
func CheckPrincipal[T ~string | ~[]byte](name T) error {
	if !validPrincipal(name) {
		return errPrincipal
	}
	return nil
}

// CheckScope returns nil if name can be a scope, and otherwise an error that says
// what can. The error does not quote name.
//
// A scope is a scope-token of RFC 6749 §3.3 without a comma, which separates scopes
// in a keyring. It needs no escaping in a challenge's quoted-string.
func CheckScope[T ~string | ~[]byte](name T) error {
	if !validScope(name) {
		return errScope
	}
	return nil
}

func validPrincipal[T ~string | ~[]byte](name T) bool {
	if len(name) == 0 || len(name) > maxPrincipalLength {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i == 0:
			return false
		case c == '.', c == '_', c == '-', c == '@', c == '+', c == ':', c == '/':
		default:
			return false
		}
	}
	return true
}

func validScope[T ~string | ~[]byte](name T) bool {
	if len(name) == 0 || len(name) > maxScopeLength {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c < '!' || c > '~', c == '"', c == '\\', c == ',':
			return false
		}
	}
	return true
}

// anyBesideOthers reports whether AnyScope, which has to stand alone, does not.
func anyBesideOthers(names []string) bool {
	return len(names) > 1 && slices.Contains(names, AnyScope)
}
