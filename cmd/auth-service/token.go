package main

import (
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
	"github.com/concrete-security/auth-service/internal/lifetime"
	"github.com/concrete-security/auth-service/internal/plaintext"
	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/setting"
	"github.com/concrete-security/auth-service/internal/terminal"
)

// keyringLine returns the keyring line of a token.
func keyringLine(f *cli.EntryFlags, token []byte, now time.Time) (string, error) {
	entry := core.Entry{Principal: f.Principal, Scopes: f.Scope, Expires: core.Never}
	secret.Do(func() { entry.Credential = core.CredentialOf(token) })
	if err := core.CheckPrincipal(f.Principal); err != nil {
		return "", setting.Invalid("--principal: %q is not a principal: %w", f.Principal, err)
	}
	if f.Expires != "" {
		var err error
		if entry.Expires, err = lifetime.Expiry("--expires", f.Expires, now); err != nil {
			return "", err
		}
	}
	line, err := entry.AppendLine(nil)
	if err != nil { // the scopes are all that is not checked yet
		return "", setting.Invalid("--scope: %q is not a list of scopes: %w", strings.Join(f.Scope, ","), err)
	}
	return string(line), nil
}

// newToken prints a new token and its keyring line on standard output, the token
// nowhere else and never again.
func newToken(p *process, c *cli.TokenNew) (err error) {
	disturbed := secret.Undisturbed(func() { err = printToken(p.stdout, c) })
	return errors.Join(disturbed, err)
}

func printToken(to io.Writer, c *cli.TokenNew) error {
	token, err := plaintext.New(rand.Reader)
	if err != nil {
		return err
	}
	defer secret.Wipe(token)
	line, err := keyringLine(&c.EntryFlags, token, time.Now())
	if err != nil {
		return err
	}
	// Packages fmt and json would keep copies of the token in their buffers. append
	// would leave one behind if it had to grow this buffer.
	before, between, after := "", "\n", line+"\n"
	if c.JSON {
		quoted, err := json.Marshal(line)
		if err != nil {
			return err
		}
		// No byte of a token has to be escaped.
		before, between, after = `{"keyring_line":`+string(quoted)+`,"token":"`, "\"}\n", ""
	}
	out := make([]byte, 0, len(before)+len(token)+len(between)+len(after))
	defer secret.Wipe(out[:cap(out)])
	out = append(append(out, before...), token...)
	out = append(append(out, between...), after...)
	_, err = to.Write(out)
	return err
}

// hashToken prints the keyring line of the token on standard input, which is not
// echoed where that is a terminal.
func hashToken(p *process, c *cli.TokenHash) (err error) {
	disturbed := secret.Undisturbed(func() { err = printHash(p, c) })
	return errors.Join(disturbed, err)
}

func printHash(p *process, c *cli.TokenHash) error {
	token, err := readToken(p)
	defer secret.Wipe(token)
	if err != nil {
		return err
	}
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
		fmt.Fprintln(p.stderr, "auth-service: warning: the token", warning)
	}
	line, err := keyringLine(&c.EntryFlags, token, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, line)
	return err
}

// readToken reads the token and drops one line end behind it.
func readToken(p *process) ([]byte, error) {
	if fd := int(p.stdin.Fd()); term.IsTerminal(fd) {
		fmt.Fprint(p.stderr, "Token: ")
		line, err := terminal.ReadHidden(fd)
		fmt.Fprintln(p.stderr)
		return plaintext.WithoutLineEnd(line), err
	}
	token, err := secret.ReadAll(p.stdin, plaintext.MaxFile, 0)
	if err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	return plaintext.WithoutLineEnd(token), nil
}
