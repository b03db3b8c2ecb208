package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/keyringfile"
	"github.com/concrete-security/auth-service/internal/lifetime"
	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/setting"
)

// rotateToken makes a token with the scopes of older ones, which expire after a time of
// grace. It prints the new token as newToken does.
func rotateToken(ctx context.Context, p *process, c *cli.TokenRotate) error {
	path, err := keyringPath(&c.KeyringFlag)
	if err != nil {
		return err
	}
	r := rotation{name: c.Token, path: path, now: time.Now()}
	if r.until, err = lifetime.After("--grace", c.Grace, r.now); err != nil {
		return err
	}
	if c.Expires != nil {
		if r.expires, err = lifetime.Expiry("--expires", *c.Expires, r.now); err != nil {
			return err
		}
	}
	if err := mustExist(path); err != nil {
		return err
	}
	token, err := makeToken(&r.entry.Credential)
	defer secret.Wipe(token)
	if err != nil {
		return err
	}
	err = editAndShow(ctx, p, path, r.rotate, func() (err error) {
		before, after := "", "\n"
		if c.JSON {
			if before, after, err = r.json(); err != nil {
				return err
			}
		}
		return showToken(p.stdout, before, token, after)
	})
	if err != nil {
		return err
	}
	summary := r.summary()
	if isTerminal(p.stdout) {
		summary += "\nThe token is shown only this once."
	}
	p.tell(summary)
	if r.guess != "" {
		p.caution("the new token expires when " + r.guess + " did before: its line does not say for how long it was made; use --expires")
	}
	return nil
}

// A rotation is what rotate is asked to do, and what it has done to the text of a keyring.
type rotation struct {
	name    string // whose tokens, or the key id of one
	path    string
	now     time.Time
	until   int64 // when the older tokens expire
	expires int64 // when the new one does, if that was said

	entry core.Entry // the new one
	older []olderToken
	guess string // the token whose expiry the new one has, because its lifetime is not known
}

// An olderToken is a token that a new one replaces.
type olderToken struct {
	name, key string
	expires   int64
	sooner    bool // than before
}

// rotate adds the new entry and moves the expiry of the older ones.
func (r *rotation) rotate(text *keyringfile.Text) error {
	m := text.Find(r.name)[0]
	named, err := text.Unambiguous(&m)
	if err != nil {
		return fmt.Errorf("%s: %w", r.path, err)
	}
	if len(named) == 0 {
		return noSuchToken(text, r.path, r.name)
	}
	active := slices.DeleteFunc(slices.Clone(named), func(i int) bool { return stateOf(&text.Entries()[i], r.now) != stateActive })
	candidates := active
	if len(active) == 0 {
		candidates = named
	} else if err := r.checkScopes(text, active); err != nil {
		return err
	}
	// The token that was added last is the model. An older one may be in its grace.
	model := &text.Entries()[candidates[len(candidates)-1]]
	r.entry.Principal, r.entry.Scopes = model.Principal, model.Scopes
	r.guess, r.older = "", nil
	if err := r.setExpiry(model); err != nil {
		return err
	}
	r.entry.Created = creationOf(r.entry.Expires, r.now)
	for _, i := range active {
		e := &text.Entries()[i]
		o := olderToken{name: nameOf(e), key: e.Credential.KeyID().String(), expires: e.Expires, sooner: r.until < e.Expires}
		if o.sooner {
			if err := text.SetExpires(i, r.until); err != nil {
				return setting.Invalid("%s:%d: %w", r.path, text.Line(i), err)
			}
			o.expires = r.until
		}
		r.older = append(r.older, o)
	}
	return text.Append(r.entry)
}

// checkScopes returns an error if the entries do not have the same scopes.
func (r *rotation) checkScopes(text *keyringfile.Text, entries []int) error {
	scopesOf := func(i int) []string { return slices.Compact(slices.Sorted(slices.Values(text.Entries()[i].Scopes))) }
	first := scopesOf(entries[0])
	if !slices.ContainsFunc(entries, func(i int) bool { return !slices.Equal(scopesOf(i), first) }) {
		return nil
	}
	const most = 10
	var list []string
	for _, i := range entries[:min(len(entries), most)] {
		e := &text.Entries()[i]
		list = append(list, e.Credential.KeyID().String()+" ("+inWords(e.Scopes)+")")
	}
	if more := len(entries) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return setting.Invalid("%s: the tokens of %s do not have the same scopes; name one of them by its key id: %s", r.path, r.name, strings.Join(list, ", "))
}

// setExpiry sets when the new token expires: when the flag says, or after the lifetime
// of the model. If that is not known, the new token must not live longer than the model
// would have.
func (r *rotation) setExpiry(model *core.Entry) error {
	switch {
	case r.expires != 0:
		r.entry.Expires = r.expires
	case model.Expires == core.Never:
		r.entry.Expires = core.Never
	case model.Created != 0 && model.Created < model.Expires:
		const lastSecond = 253402300799 // 9999-12-31T23:59:59Z
		r.entry.Expires = min(r.now.Unix()+lifetimeOf(model), lastSecond)
	case model.Expires <= r.now.Unix():
		return setting.Invalid("%s: %s has expired, and its line does not say for how long it was made; use --expires to say when the new token expires", r.path, nameOf(model))
	default:
		r.entry.Expires, r.guess = model.Expires, nameOf(model)
	}
	return nil
}

const secondsPerDay = 24 * 60 * 60

// lifetimeOf returns the seconds between the making of a token and its expiry. If only
// the day of the making is known, it returns whole days, so that a token does not get
// older from one rotation to the next.
func lifetimeOf(e *core.Entry) int64 {
	seconds := e.Expires - e.Created
	if e.Created == startOfDay(time.Unix(e.Created, 0)) && seconds > secondsPerDay {
		seconds -= seconds % secondsPerDay
	}
	return seconds
}

// creationOf returns what created= of a new token says. The day is enough, and the line
// shorter, unless its lifetime would not be known from that: 12 hours would become 24.
func creationOf(expires int64, now time.Time) int64 {
	if expires == core.Never || expires%secondsPerDay == 0 || (expires-now.Unix())%secondsPerDay == 0 {
		return startOfDay(now)
	}
	return now.Unix()
}

// startOfDay returns the first second of a time's day in UTC.
func startOfDay(t time.Time) int64 { return t.UTC().Truncate(secondsPerDay * time.Second).Unix() }

// summary says for people what was done.
func (r *rotation) summary() string {
	lines := []string{summaryOf(&r.entry, r.path, r.now)}
	const most = 10
	for _, o := range r.older[:min(len(r.older), most)] {
		line := o.name + " expires " + lifetime.Relative(o.expires, r.now) + " (" + lifetime.Exact(o.expires) + ")"
		if o.expires <= r.now.Unix() {
			line = o.name + " is denied from now on"
		}
		if !o.sooner {
			line += ", as before"
		}
		lines = append(lines, line+".")
	}
	if more := len(r.older) - most; more > 0 {
		lines = append(lines, fmt.Sprintf("The same goes for %d more.", more))
	}
	return strings.Join(lines, "\n")
}

// json returns the JSON object before and after the token in it.
func (r *rotation) json() (before, after string, err error) {
	type object struct {
		Principal string `json:"principal"`
		Key       string `json:"key"`
		Expires   string `json:"expires"`
	}
	older := []object{}
	for _, o := range r.older {
		older = append(older, object{r.entry.Principal, o.key, lifetime.Exact(o.expires)})
	}
	list, err := json.Marshal(older)
	if err != nil {
		return "", "", err
	}
	rest, err := jsonOfEntry(&r.entry, r.path)
	if err != nil {
		return "", "", err
	}
	return `{"token":"`, `","older":` + string(list) + "," + strings.TrimPrefix(rest, "{"), nil
}
