package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/censor"
	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/keyringfile"
	"github.com/concrete-security/auth-service/internal/setting"
)

// keyringPath returns the path of the keyring that a command needs.
func keyringPath(f *cli.KeyringFlag) (string, error) {
	if f.Keyring == "" {
		return "", setting.Invalid("no keyring is named; use --keyring PATH or set %s", cli.KeyringVariable)
	}
	return f.Keyring, nil
}

// caution writes a warning for a person. It may name principals of the keyring, which can
// be as long as tokens, so it does not pass the censor.
func (p *process) caution(text string) {
	fmt.Fprintf(p.stderr, "auth-service: warning: %s\n", text)
}

// noSuchToken says that a name means no token of the text, which is that of the keyring
// at path. Somebody may have typed the token itself.
func noSuchToken(text *keyringfile.Text, path, name string) error {
	switch {
	case censor.LooksLikeToken(name) || strings.HasPrefix(name, "as_"):
		return fmt.Errorf("%s has no token of %s; if that is a token, `auth-service token verify` reads it from standard input and prints its key id", path, censor.NotShown)
	case name == "":
		return errors.New("an empty argument names no token; write a principal or a key id")
	case name == core.DefaultPrincipal || name == "-":
		return fmt.Errorf("%s has no token of %q; a keyring does not hold the token of %s or %s", path, name, cli.TokenVariable, cli.TokenFileVariable)
	case isShortKeyID(name):
		return fmt.Errorf("%s has no token of %q; a key id has 8 to 64 hexadecimal digits", path, name)
	}
	if near := nearestPrincipal(text.Entries(), name); near != "" {
		return fmt.Errorf("%s has no token of %q; did you mean %s?", path, name, near)
	}
	return fmt.Errorf("%s has no token of %q", path, name)
}

// nearestPrincipal returns the principal that somebody probably meant who wrote another
// name, or "".
func nearestPrincipal(entries []core.Entry, name string) string {
	const most = 1000 // a larger file has too many that are alike, and takes long
	if len(entries) > most {
		return ""
	}
	principals := make([]string, len(entries))
	for i := range entries {
		principals[i] = entries[i].Principal
	}
	slices.Sort(principals)
	return cli.Nearest(name, slices.Compact(principals))
}

// isShortKeyID reports whether a name may be the beginning of a key id.
func isShortKeyID(name string) bool {
	digits := strings.TrimPrefix(name, "sha256:")
	return len(digits) < 8 && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}
