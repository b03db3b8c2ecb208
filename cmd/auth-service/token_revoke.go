package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/keyringfile"
	"github.com/concrete-security/auth-service/internal/setting"
)

// revokeTokens removes tokens from the keyring and prints their names. A name that
// means no token does not save the others.
func revokeTokens(ctx context.Context, p *process, c *cli.TokenRevoke) error {
	path, err := keyringPath(&c.KeyringFlag)
	switch {
	case err != nil:
		return err
	case len(c.Tokens) == 0 && !c.All:
		return setting.Invalid("no token is named; write principals or key ids, or --all for every token")
	case len(c.Tokens) > 0 && c.All:
		return setting.Invalid("--all removes every token; write --all, or the principals and key ids, but not both")
	}
	if err := mustExist(path); err != nil {
		return err
	}
	var r revocation
	err = keyringfile.Edit(ctx, path, func(text *keyringfile.Text) error {
		r = revocation{now: time.Now()}
		return r.revoke(text, path, c)
	}, nil)
	if _, broken := errors.AsType[*keyringfile.BrokenError](err); broken {
		return errors.Join(err, setting.Invalid("no token was removed: correct these lines and try again; until then a running service accepts the tokens that it read last"))
	}
	if err != nil {
		return err
	}
	p.tell(fmt.Sprintf("Removed %d of %d tokens from %s.", len(r.removed), len(r.removed)+r.left, path))
	switch {
	case r.left == 0:
		p.caution("no token is left" + refusesAll)
	case r.active == 0:
		p.caution("every token that is left has expired or can never match" + refusesAll)
	}
	if err := printNames(p.stdout, r.removed); err != nil {
		return errors.Join(r.unknown, fmt.Errorf("the tokens were removed, but their names could not be printed: %w", err))
	}
	return r.unknown
}

// refusesAll is what follows from a keyring that nobody can pass with.
const refusesAll = ": the service refuses every request from now on, unless " + cli.TokenVariable + " or " + cli.TokenFileVariable + " is set"

// mustExist returns an error if there is no file at path. An edit would make one.
func mustExist(path string) error {
	_, err := os.Stat(path)
	if of, ok := errors.AsType[*fs.PathError](err); ok && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, of.Err)
	}
	return nil
}

// printNames prints a name on each line.
func printNames(to io.Writer, names []string) error {
	out := bufio.NewWriter(to)
	for _, name := range names {
		_, _ = out.WriteString(name + "\n") // Flush returns the error
	}
	return out.Flush()
}

// A revocation is what removing tokens has done to the text of a keyring.
type revocation struct {
	now          time.Time
	removed      []string
	unknown      error // of the names that mean no token
	left, active int   // how many tokens are left, and how many of them can pass
}

// checkWhole returns an error if a principal is named and some of its tokens too. Who
// writes "ci 3fa9c1d2", as a token is called everywhere, means that token, and not all
// of ci.
func checkWhole(found []keyringfile.Match, path string) error {
	byKey := map[int]string{}
	for i := range found {
		for _, entry := range found[i].OfKey {
			byKey[entry] = found[i].Name
		}
	}
	for i := range found {
		all, some, key := found[i].OfPrincipal, 0, ""
		for _, entry := range all {
			if name, ok := byKey[entry]; ok {
				some++
				key = name
			}
		}
		if some > 0 && some < len(all) {
			return setting.Invalid("%s: %s means all %d tokens of that principal, and %s is one of them; write %[4]s alone for that token, or %[2]s alone for all",
				path, found[i].Name, len(all), key)
		}
	}
	return nil
}

// revoke removes the tokens that the command names. If there is none, it returns an
// error. If a name may mean more than one thing, it removes nothing.
func (r *revocation) revoke(text *keyringfile.Text, path string, c *cli.TokenRevoke) error {
	var remove []int
	found := text.Find(c.Tokens...)
	for i := range found {
		m := &found[i]
		entries, err := text.Unambiguous(m)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if len(entries) == 0 {
			r.unknown = errors.Join(r.unknown, noSuchToken(text, path, m.Name))
		}
		remove = append(remove, entries...)
	}
	if err := checkWhole(found, path); err != nil {
		return err
	}
	if c.All {
		for i := range text.Entries() {
			remove = append(remove, i)
		}
		if len(remove) == 0 {
			return fmt.Errorf("%s has no token", path)
		}
	}
	if len(remove) == 0 {
		return r.unknown
	}
	slices.Sort(remove)
	remove = slices.Compact(remove)
	for _, i := range remove {
		r.removed = append(r.removed, nameOf(&text.Entries()[i]))
	}
	text.RemoveAll(remove)
	r.left = len(text.Entries())
	for i := range text.Entries() {
		if stateOf(&text.Entries()[i], r.now) == stateActive {
			r.active++
		}
	}
	return nil
}
