package core

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Never is the expiry of an entry that has none.
const Never = math.MaxInt64

// An Entry is one line of a keyring: a token, known by its credential, and
// what it is good for.
//
// An Entry hides its credential when it is printed, logged, or encoded as JSON, as
// [Credential] says. [Entry.AppendLine] writes all of it.
type Entry struct {
	// Principal is whom the token stands for. Several entries may name the same.
	Principal string
	// Credential is the SHA-256 of the token.
	Credential Credential
	// Scopes are the scopes that the token has, or AnyScope alone, or none. Entries
	// that were parsed together may share an array, so do not overwrite its elements.
	Scopes []string
	// Expires is the Unix second from which on the token is denied, or Never.
	Expires int64
	// Created is the Unix second at which the token was made, or 0 if that is
	// unknown. No verdict depends on it.
	Created int64
}

// AppendLine appends the entry to b as a line of a keyring, without a line end,
// and returns the extended slice. It returns b and an error if [ParseKeyring] would
// refuse the line or read another entry from it. The error does not quote the entry.
//
// AppendLine is not called MarshalText, because loggers call a method of that name.
func (e Entry) AppendLine(b []byte) ([]byte, error) {
	if err := e.check(); err != nil {
		return b, err
	}
	before := len(b)
	b = append(b, e.Principal+" "+credentialPrefix...)
	b = appendHex(b, e.Credential[:])
	b = e.appendAttributes(b)
	if len(b)-before > MaxLine {
		clear(b[before:])
		return b[:before], errors.New("the entry makes a line of more than " + strconv.Itoa(MaxLine) + " bytes; give it fewer scopes")
	}
	return b, nil
}

// check returns what is wrong with the entry.
func (e *Entry) check() error {
	if err := e.checkNames(); err != nil {
		return err
	}
	if e.Credential == emptyCredential {
		return errEmptyCredential
	}
	if anyBesideOthers(e.Scopes) {
		return errAnyScope
	}
	if e.Expires != Never && !writable(e.Expires) || !writable(e.Created) {
		return errors.New("a time is in none of the years 0 to 9999; for a token that does not expire, use Never")
	}
	return nil
}

// checkNames returns what is wrong with the principal or a scope.
func (e *Entry) checkNames() error {
	if err := CheckPrincipal(e.Principal); err != nil {
		return err
	}
	for _, name := range e.Scopes {
		if err := CheckScope(name); err != nil {
			return err
		}
	}
	return nil
}

func (e *Entry) appendAttributes(b []byte) []byte {
	if len(e.Scopes) > 0 {
		b = append(b, " scope="+strings.Join(e.Scopes, ",")...)
	}
	if e.Expires != Never {
		b = append(b, " expires="+formatTime(e.Expires)...)
	}
	if e.Created != 0 {
		b = append(b, " created="+strings.TrimSuffix(formatTime(e.Created), midnight)...)
	}
	return b
}

// String returns the entry as a line of a keyring, with only the key id of its
// credential, such as
//
//	ci sha256:b671a472… scope=metrics,deploy
func (e Entry) String() string {
	return string(e.appendAttributes([]byte(e.Principal + " " + e.Credential.String())))
}

// GoString returns what [Entry.String] does, within core.Entry{…}.
func (e Entry) GoString() string { return "core.Entry{" + e.String() + "}" }

// WipeEntries overwrites the credentials of entries.
func WipeEntries(entries []Entry) {
	for i := range entries {
		clear(entries[i].Credential[:])
	}
}
