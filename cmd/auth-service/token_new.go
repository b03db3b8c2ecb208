package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/keyringfile"
	"github.com/concrete-security/auth-service/internal/lifetime"
	"github.com/concrete-security/auth-service/internal/plaintext"
	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/setting"
	"github.com/concrete-security/auth-service/internal/terminal"
)

// newToken prints a new token on standard output, and nowhere else and never again. With
// a keyring, it adds the token's line to it; without one, it prints the line too.
func newToken(ctx context.Context, p *process, c *cli.TokenNew) error {
	now := time.Now()
	entry, err := entryOf(&c.EntryFlags, now)
	if err != nil {
		return err
	}
	entry.Created = creationOf(entry.Expires, now)
	token, err := makeToken(&entry.Credential)
	defer secret.Wipe(token)
	if err != nil {
		return err
	}
	line, err := entry.AppendLine(nil)
	if err != nil {
		return err
	}
	before, after := "", "\n"
	switch {
	case c.JSON:
		object, err := jsonOfEntry(&entry, c.Keyring)
		if err != nil {
			return err
		}
		before, after = `{"token":"`, `",`+strings.TrimPrefix(object, "{") // no byte of a token has to be escaped
	case c.Keyring == "":
		after = "\n" + string(line) + "\n"
	}
	if c.Keyring == "" {
		if err := showToken(p.stdout, before, token, after); err != nil {
			return fmt.Errorf("cannot write to standard output: %w", err)
		}
		return nil
	}
	add := func(t *keyringfile.Text) error { return t.Append(entry) }
	err = editAndShow(ctx, p, c.Keyring, add, func() error { return showToken(p.stdout, before, token, after) })
	if err != nil {
		return err
	}
	summary := summaryOf(&entry, c.Keyring, now)
	if isTerminal(p.stdout) {
		summary += "\nThe token is shown only this once."
	}
	p.tell(summary)
	return nil
}

// addToken adds the line of the token on standard input to the keyring.
func addToken(ctx context.Context, p *process, c *cli.TokenAdd) error {
	if c.Keyring == "" {
		return setting.Invalid("no keyring is named; use --keyring PATH, or `auth-service token hash` to print the line")
	}
	now := time.Now()
	entry, err := readEntry(p, &c.EntryFlags, now)
	if err != nil {
		return err
	}
	entry.Created = creationOf(entry.Expires, now)
	object := ""
	if c.JSON {
		if object, err = jsonOfEntry(&entry, c.Keyring); err != nil {
			return err
		}
	}
	add := func(t *keyringfile.Text) error {
		err := t.Append(entry)
		if errors.Is(err, core.ErrDuplicateCredential) {
			return setting.Invalid("%s has this token already, as %s", c.Keyring, holderOf(t, entry.Credential))
		}
		return err
	}
	show := func() error { return nil }
	if c.JSON {
		show = func() error { return showToken(p.stdout, object, nil, "") }
	}
	if err := editAndShow(ctx, p, c.Keyring, add, show); err != nil {
		return err
	}
	p.tell(summaryOf(&entry, c.Keyring, now))
	return nil
}

// hashToken prints the keyring line of the token on standard input.
func hashToken(p *process, c *cli.TokenHash) error {
	entry, err := readEntry(p, &c.EntryFlags, time.Now())
	if err != nil {
		return err
	}
	line, err := entry.AppendLine(nil)
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(append(line, '\n'))
	return err
}

// entryOf returns an entry as the flags describe it, still without a credential.
func entryOf(f *cli.EntryFlags, now time.Time) (core.Entry, error) {
	entry := core.Entry{Principal: f.Principal, Scopes: f.Scope, Expires: core.Never}
	for _, name := range append([]string{f.Principal}, f.Scope...) {
		if plaintext.IsNew([]byte(name)) {
			return entry, setting.Invalid("a token is given as principal or scope; it is known to others now, so make another one")
		}
	}
	if err := core.CheckPrincipal(f.Principal); err != nil {
		return entry, setting.Invalid("--principal: %q is not a principal: %w", f.Principal, err)
	}
	if f.Expires != nil {
		var err error
		if entry.Expires, err = lifetime.Expiry("--expires", *f.Expires, now); err != nil {
			return entry, err
		}
	}
	if _, err := entry.AppendLine(nil); err != nil { // the scopes are all that is not checked yet
		return entry, setting.Invalid("--scope: %q is not a list of scopes: %w", strings.Join(f.Scope, ","), err)
	}
	return entry, nil
}

// readEntry returns the entry of the token on standard input, which is not echoed where
// that is a terminal. It warns of tokens that look like a mistake.
func readEntry(p *process, f *cli.EntryFlags, now time.Time) (entry core.Entry, err error) {
	if entry, err = entryOf(f, now); err != nil {
		return entry, err
	}
	disturbed := secret.Undisturbed(func() {
		var token []byte
		token, err = readToken(p)
		defer secret.Wipe(token)
		if err == nil {
			err = judge(p.stderr, token)
		}
		if err == nil {
			entry.Credential = core.CredentialOf(token)
		}
	})
	return entry, errors.Join(disturbed, err)
}

// judge refuses a token that no client can send, and warns of one that looks like a
// mistake.
func judge(stderr io.Writer, token []byte) error {
	if len(token) == 0 {
		return setting.Invalid("standard input holds no token")
	}
	if reason := plaintext.Unsendable(token); reason != "" {
		return setting.Invalid("the token %s", reason)
	}
	warnings := plaintext.Doubts(token)
	if utf8.RuneCount(token) < plaintext.MinLength {
		warnings = append(warnings, fmt.Sprintf("is shorter than %d characters; short tokens can be guessed", plaintext.MinLength))
	}
	for _, warning := range warnings {
		fmt.Fprintln(stderr, "auth-service: warning: the token", warning)
	}
	return nil
}

// readToken reads the token and drops one line end behind it.
func readToken(p *process) ([]byte, error) {
	if fd := int(p.stdin.Fd()); term.IsTerminal(fd) {
		fmt.Fprint(p.stderr, "Token: ")
		line, err := terminal.ReadHidden(fd)
		fmt.Fprintln(p.stderr)
		if errors.Is(err, io.EOF) {
			err = nil // Ctrl-D: nothing was typed
		}
		return plaintext.WithoutLineEnd(line), err
	}
	token, err := secret.ReadAll(p.stdin, plaintext.MaxFile, 0)
	if err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	return plaintext.WithoutLineEnd(token), nil
}

// makeToken makes a token, which the caller wipes, and its credential.
func makeToken(credential *core.Credential) (token []byte, err error) {
	disturbed := secret.Undisturbed(func() {
		if token, err = plaintext.New(rand.Reader); err == nil {
			*credential = core.CredentialOf(token)
		}
	})
	return token, errors.Join(disturbed, err)
}

// nameOf names the token of an entry: its principal and its key id.
func nameOf(e *core.Entry) string { return e.Principal + " " + e.Credential.KeyID().String() }

// holderOf names the token that has the credential.
func holderOf(t *keyringfile.Text, credential core.Credential) string {
	for i := range t.Entries() {
		if e := &t.Entries()[i]; e.Credential == credential {
			return nameOf(e)
		}
	}
	return ""
}

// summaryOf says what was added to the keyring.
func summaryOf(e *core.Entry, keyring string, now time.Time) string {
	return fmt.Sprintf("Added %s to %s: %s, %s.", nameOf(e), keyring, inWords(e.Scopes), expiryOf(e.Expires, now))
}

// expiryOf says when a token expires that has not.
func expiryOf(expires int64, now time.Time) string {
	if expires == core.Never {
		return "never expires"
	}
	return fmt.Sprintf("expires %s (%s)", lifetime.Relative(expires, now), lifetime.Exact(expires))
}

// inWords says which scopes a token has.
func inWords(scopes []string) string {
	switch {
	case len(scopes) == 0:
		return "no scopes"
	case scopes[0] == core.AnyScope:
		return "any scope"
	case len(scopes) == 1:
		return "scope " + scopes[0]
	}
	return "scopes " + strings.Join(scopes, ", ")
}

// jsonOfEntry returns a JSON object and a line end: what is printed of an entry beside
// its token.
func jsonOfEntry(e *core.Entry, keyring string) (string, error) {
	line, err := e.AppendLine(nil)
	if err != nil {
		return "", err
	}
	object := struct {
		Principal   string   `json:"principal"`
		Key         string   `json:"key"`
		Scopes      []string `json:"scopes"`
		Created     *string  `json:"created"`
		Expires     *string  `json:"expires"`
		Keyring     string   `json:"keyring,omitempty"`
		KeyringLine string   `json:"keyring_line"`
	}{
		Principal: e.Principal, Key: e.Credential.KeyID().String(), Scopes: append([]string{}, e.Scopes...),
		Keyring: keyring, KeyringLine: string(line),
	}
	if e.Created != 0 {
		object.Created = new(dayOf(e.Created))
	}
	if e.Expires != core.Never {
		expires := lifetime.Exact(e.Expires)
		object.Expires = &expires
	}
	text, err := json.Marshal(object)
	return string(text) + "\n", err
}
