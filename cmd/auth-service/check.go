package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/setting"
	"github.com/concrete-security/auth-service/internal/tokens"
)

// check does what a start does, except listening, and reports the result. A missing
// file is a failure here; a start would wait for it.
func check(p *process, c *cli.Check) error {
	defer clear(p.token)
	f := findings{warnings: checkWarnings{clean: p.censor.Clean}}
	err := f.check(p, c)
	if c.JSON {
		return f.printJSON(p, err)
	}
	for _, text := range append(f.warnings.texts, f.expiredInWords(p, c.Keyring)...) {
		fmt.Fprintf(p.stderr, "auth-service: warning: %s\n", text)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "ok: %d tokens of %d principals\n", f.tokens, f.principals)
	return err
}

// findings are what check has found.
type findings struct {
	tokens, principals int
	expiries           tokens.Expiries
	warnings           checkWarnings
}

// check returns what would keep a start from answering, or from letting anybody pass.
func (f *findings) check(p *process, c *cli.Check) error {
	s, err := c.Settings(p.given)
	if err != nil {
		return err
	}
	logger := slog.New(&f.warnings)
	p.warn(logger, &c.ListenFlags)
	sources, err := openSources(p, s.Sources, logger)
	if err != nil {
		return err
	}
	k, missing := sources.Check()
	if k == nil {
		return missing
	}
	defer k.Wipe()
	f.tokens, f.principals, f.expiries = k.Tokens(), len(k.Principals()), sources.Expiries()
	switch {
	case !k.Usable():
		return errors.Join(missing, setting.Invalid("no usable token is configured: every request would be answered 500"))
	case !k.CanGrant(time.Now().Unix()):
		return errors.Join(missing, setting.Invalid("every token has expired: every request would be refused"))
	}
	return missing
}

// expiredInWords says which tokens have expired.
func (f *findings) expiredInWords(p *process, path string) (texts []string) {
	path = p.censor.Clean(path)
	for _, e := range f.expiries.Expired {
		texts = append(texts, fmt.Sprintf("%s:%d: the token %s %s expired at %s", path, e.Line, e.Principal, e.Key, inRFC3339(e.Expires)))
	}
	if f.expiries.More > 0 {
		texts = append(texts, fmt.Sprintf("%s: %d more tokens have expired", path, f.expiries.More))
	}
	return texts
}

func inRFC3339(second int64) string { return time.Unix(second, 0).UTC().Format(time.RFC3339) }

// maxListed is the most elements that a list of check --json has. It also says how
// many it leaves out.
const maxListed = 10

// A checkResult is what check --json prints. docs/operations.md has its keys.
type checkResult struct {
	OK         bool            `json:"ok"`
	Tokens     int             `json:"tokens"`
	Principals int             `json:"principals"`
	Expired    []expiringToken `json:"expired"`
	NextExpiry *expiringToken  `json:"next_expiry"`
	Warnings   []string        `json:"warnings"`
	Errors     []string        `json:"errors"`
	Omitted    struct {
		Expired  int `json:"expired"`
		Warnings int `json:"warnings"`
		Errors   int `json:"errors"`
	} `json:"omitted"`
}

type expiringToken struct {
	Principal string `json:"principal"`
	Key       string `json:"key"`
	Expires   string `json:"expires"`
}

func expiringTokenOf(e *tokens.Expiry) expiringToken {
	return expiringToken{Principal: e.Principal, Key: e.Key.String(), Expires: inRFC3339(e.Expires)}
}

// printJSON prints the findings and the error as one object. It returns the error, so
// that the exit status is the same, as one that has been printed.
func (f *findings) printJSON(p *process, failure error) error {
	r := checkResult{OK: failure == nil, Tokens: f.tokens, Principals: f.principals, Expired: []expiringToken{}}
	for i := range f.expiries.Expired {
		r.Expired = append(r.Expired, expiringTokenOf(&f.expiries.Expired[i]))
	}
	r.Omitted.Expired = f.expiries.More
	if f.expiries.Next != nil {
		r.NextExpiry = new(expiringTokenOf(f.expiries.Next))
	}
	var lines []string
	if failure != nil {
		lines = strings.Split(p.censor.Clean(failure.Error()), "\n")
	}
	r.Errors, r.Omitted.Errors = limited(lines)
	r.Warnings, r.Omitted.Warnings = limited(f.warnings.texts)
	encoder := json.NewEncoder(p.stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return errors.Join(failure, err)
	}
	if failure != nil {
		return printedError{failure}
	}
	return nil
}

// limited returns the first of the texts, and how many it leaves out.
func limited(texts []string) (first []string, omitted int) {
	first = append([]string{}, texts[:min(len(texts), maxListed)]...) // not nil, which is null in JSON
	return first, len(texts) - len(first)
}

// A printedError is an error that the command has printed already.
type printedError struct{ error }

// Unwrap returns the error within.
func (e printedError) Unwrap() error { return e.error }

// checkWarnings is a [slog.Handler] that keeps the messages of warnings and errors,
// with the token that they are about. The messages have passed clean, and principals
// need not.
type checkWarnings struct {
	warnings
	clean func(string) string
}

// Handle keeps the message and the attributes.
func (w *checkWarnings) Handle(_ context.Context, r slog.Record) error {
	text := w.clean(r.Message)
	var about []string
	r.Attrs(func(a slog.Attr) bool {
		value := a.Value.String()
		if a.Key != "principal" && a.Key != "key" {
			value = a.Key + "=" + w.clean(value)
		}
		about = append(about, value)
		return true
	})
	if len(about) > 0 {
		text += " (" + strings.Join(about, " ") + ")"
	}
	w.texts = append(w.texts, text)
	return nil
}
