package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/lifetime"
	"github.com/concrete-security/auth-service/internal/plaintext"
	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/setting"
)

// verifyToken prints what the service would decide on a request that carries the token
// on standard input. If that is not to let it pass, the exit status is 1.
func verifyToken(ctx context.Context, p *process, c *cli.TokenVerify) error {
	defer clear(p.token)
	for _, scope := range c.Scope {
		if plaintext.IsNew([]byte(scope)) {
			return setting.Invalid("--scope: this is a token, not a scope; it is read from standard input")
		}
		if err := core.CheckScope(scope); err != nil {
			return setting.Invalid("--scope: %q is not a scope: %w", scope, err)
		}
	}
	s, err := c.Sources(p.given)
	if err != nil {
		return err
	}
	v := verification{needs: c.Scope, now: time.Now(), warnings: warnings{cli.UnknownVariables(os.Environ())}}
	sources, err := openSources(p, s, slog.New(&v.warnings))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel() // a keyring that is broken is not waited for
	k, err := sources.Load(ctx)
	if err != nil {
		return err
	}
	defer k.Wipe()
	disturbed := secret.Undisturbed(func() { err = v.read(p, k) })
	if err := errors.Join(disturbed, err); err != nil {
		return err
	}
	if err := v.print(p, c.JSON); err != nil {
		return err
	}
	if !v.decision.Granted() {
		return printedError{errors.New("denied")}
	}
	return nil
}

// A verification is a decision on a token, and what goes with it.
type verification struct {
	needs    []string // the scopes that the request needs
	now      time.Time
	decision core.Decision
	expires  int64 // when the token expires, if its principal is known
	warnings warnings
}

// read reads the token and decides.
func (v *verification) read(p *process, k *core.Keyring) error {
	token, err := readToken(p)
	defer secret.Wipe(token)
	if err != nil {
		return err
	}
	if len(token) == 0 {
		return setting.Invalid("standard input holds no token")
	}
	const scheme = "Bearer "
	field := append(append(make([]byte, 0, len(scheme)+len(token)), scheme...), token...)
	defer secret.Wipe(field)
	if k.Usable() && bytes.ContainsFunc(token, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		v.decision.Reason = core.Malformed // the request would be refused before anybody asks the keyring
	} else {
		v.decide(k, field)
	}
	// Why a token is wrong helps nobody whose token is right.
	if v.decision.Reason == core.Malformed || v.decision.Reason == core.Unknown {
		v.doubt(token)
	}
	return nil
}

// decide asks the keyring. A decision does not tell when a token expires, but at which
// times it is denied.
func (v *verification) decide(k *core.Keyring, field []byte) {
	scopes := []byte(strings.Join(v.needs, " "))
	at := func(now int64) (d core.Decision) {
		secret.Do(func() {
			d = k.Authorize(&core.Request{Authorization: field, AuthorizationCount: 1, Scopes: scopes, Now: now})
		})
		return d
	}
	v.decision = at(v.now.Unix())
	if v.decision.Principal == "" {
		return
	}
	const firstSecond, lastSecond = -62167219200, 253402300799 // of the years that a keyring can have
	if v.expires = core.Never; at(lastSecond).Reason != core.Expired {
		return
	}
	denied := int64(lastSecond)
	for passes := int64(firstSecond - 1); denied-passes > 1; {
		if middle := passes + (denied-passes)/2; at(middle).Reason == core.Expired {
			denied = middle
		} else {
			passes = middle
		}
	}
	v.expires = denied
}

// doubt warns of what is wrong with a token.
func (v *verification) doubt(token []byte) {
	texts := plaintext.Doubts(token)
	if reason := plaintext.Unsendable(token); reason != "" {
		texts = append(texts, reason)
	}
	for _, text := range texts {
		v.warnings.texts = append(v.warnings.texts, "the token "+text)
	}
}

// print prints the decision on standard output, and the warnings with it or on standard
// error.
func (v *verification) print(p *process, asJSON bool) error {
	if asJSON {
		return v.printJSON(p.stdout, p.censor.Clean)
	}
	for _, text := range v.warnings.texts {
		p.caution(p.censor.Clean(text))
	}
	_, err := io.WriteString(p.stdout, v.String()+"\n")
	return err
}

// scopes returns the scopes that the token has.
func (v *verification) scopes() []string { return strings.Fields(v.decision.Scopes) }

// String says in a line what was decided.
func (v *verification) String() string {
	name := v.decision.Principal + " " + v.decision.Key.String()
	switch v.decision.Reason {
	case core.Granted:
		return fmt.Sprintf("granted: %s, %s, %s", name, inWords(v.scopes()), expiryOf(v.expires, v.now))
	case core.Expired:
		return fmt.Sprintf("denied: expired: %s, %s (%s)", name, lifetime.Relative(v.expires, v.now), lifetime.Exact(v.expires))
	case core.InsufficientScope:
		return fmt.Sprintf("denied: insufficient_scope: %s has %s, the request needs %s", name, inWords(v.scopes()), strings.Join(v.needs, ", "))
	}
	return "denied: " + v.decision.Reason.String()
}

// printJSON prints an object. What is not known of a token is null.
func (v *verification) printJSON(to io.Writer, clean func(string) string) error {
	object := struct {
		Granted   bool     `json:"granted"`
		Reason    string   `json:"reason"`
		Status    int      `json:"status"`
		Principal *string  `json:"principal"`
		Key       *string  `json:"key"`
		Scopes    []string `json:"scopes"`
		Needs     []string `json:"needs"`
		Expires   *string  `json:"expires"`
		Warnings  []string `json:"warnings"`
	}{
		Granted: v.decision.Granted(), Reason: v.decision.Reason.String(), Status: v.decision.Status(),
		Needs: append([]string{}, v.needs...), Warnings: []string{},
	}
	if v.decision.Principal != "" {
		object.Principal, object.Key, object.Scopes = &v.decision.Principal, new(v.decision.Key.String()), append([]string{}, v.scopes()...)
		if v.expires != core.Never {
			object.Expires = new(lifetime.Exact(v.expires))
		}
	}
	for _, text := range v.warnings.texts {
		object.Warnings = append(object.Warnings, clean(text))
	}
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(object)
}

// warnings is a [slog.Handler] that keeps the messages of warnings and errors.
type warnings struct{ texts []string }

// Enabled reports whether messages of the level are kept.
func (w *warnings) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle keeps the message and no attributes.
func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	w.texts = append(w.texts, r.Message)
	return nil
}

// WithAttrs returns w.
func (w *warnings) WithAttrs([]slog.Attr) slog.Handler { return w }

// WithGroup returns w.
func (w *warnings) WithGroup(string) slog.Handler { return w }
