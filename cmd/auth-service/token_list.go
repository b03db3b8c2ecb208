package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/keyringfile"
	"github.com/concrete-security/auth-service/internal/lifetime"
	"github.com/concrete-security/auth-service/internal/tokens"
)

// listTokens prints the tokens of the keyring in the order of the file: all, or those
// that the arguments name.
func listTokens(p *process, c *cli.TokenList) error {
	path, err := keyringPath(&c.KeyringFlag)
	if err != nil {
		return err
	}
	text, err := keyringfile.Read(path)
	if err != nil {
		return err
	}
	defer text.Wipe()
	entries, err := listed(text, path, c.Tokens)
	l := tokenList{text: text, entries: entries, now: time.Now(), out: bufio.NewWriter(p.stdout)}
	switch {
	case c.JSON:
		l.writeJSON()
	case len(entries) > 0:
		l.writeTable()
	case err == nil:
		p.tell(path + " has no token.")
	}
	return errors.Join(l.out.Flush(), err)
}

// listed returns the entries that names mean, or all if there are no names. The error
// is of the names that mean none.
func listed(text *keyringfile.Text, path string, names []string) (entries []int, err error) {
	if len(names) == 0 {
		entries = make([]int, len(text.Entries()))
		for i := range entries {
			entries[i] = i
		}
		return entries, nil
	}
	found := text.Find(names...)
	for i := range found {
		m := &found[i]
		all := m.All()
		if len(all) == 0 {
			err = errors.Join(err, noSuchToken(text, path, m.Name))
		}
		entries = append(entries, all...)
	}
	slices.Sort(entries)
	return slices.Compact(entries), err
}

// A tokenList writes entries of a keyring. Its errors are those of out.Flush.
type tokenList struct {
	text    *keyringfile.Text
	entries []int
	now     time.Time
	out     *bufio.Writer
}

// A listedToken is what token list --json prints of a token.
type listedToken struct {
	Principal string   `json:"principal"`
	Key       string   `json:"key"`
	Scopes    []string `json:"scopes"`
	Created   *string  `json:"created"` // the day; null if it is not known
	Expires   *string  `json:"expires"` // null if the token does not expire
	State     string   `json:"state"`
	Line      int      `json:"line"`
}

// writeJSON writes an array with an object on each line.
func (l *tokenList) writeJSON() {
	_ = l.out.WriteByte('[')
	separator, end := "\n", "]\n"
	for _, i := range l.entries {
		e := &l.text.Entries()[i]
		t := listedToken{
			Principal: e.Principal, Key: e.Credential.KeyID().String(), Scopes: e.Scopes,
			State: stateOf(e, l.now), Line: l.text.Line(i),
		}
		if t.Scopes == nil {
			t.Scopes = []string{} // not null
		}
		if e.Created != 0 {
			t.Created = new(dayOf(e.Created))
		}
		if e.Expires != core.Never {
			t.Expires = new(lifetime.Exact(e.Expires))
		}
		object, err := json.Marshal(t)
		if err != nil { // there is no value in it that could not be encoded
			continue
		}
		_, _ = l.out.WriteString(separator)
		_, _ = l.out.Write(object)
		separator, end = ",\n", "\n]\n"
	}
	_, _ = l.out.WriteString(end)
}

// widest is how far a column is widened for its cells. A longer cell moves the rest of
// its row to the right.
const widest = 40

// columns are the names of the table's columns.
var columns = [...]string{"PRINCIPAL", "KEY", "SCOPES", "CREATED", "EXPIRES", "STATE"}

// writeTable writes a table whose columns are two spaces apart.
func (l *tokenList) writeTable() {
	var widths [len(columns)]int
	measure := func(row [len(columns)]string) {
		for i, cell := range row {
			widths[i] = max(widths[i], min(len(cell), widest))
		}
	}
	measure(columns)
	for _, i := range l.entries {
		measure(l.row(i))
	}
	write := func(row [len(columns)]string) {
		last := len(row) - 1
		for i, cell := range row[:last] {
			_, _ = l.out.WriteString(cell)
			for range max(0, widths[i]-len(cell)) + 2 {
				_ = l.out.WriteByte(' ')
			}
		}
		_, _ = l.out.WriteString(row[last] + "\n")
	}
	write(columns)
	for _, i := range l.entries {
		write(l.row(i))
	}
}

// row returns the cells of an entry.
func (l *tokenList) row(i int) [len(columns)]string {
	e := &l.text.Entries()[i]
	created := "-"
	if e.Created != 0 {
		created = dayOf(e.Created)
	}
	return [...]string{e.Principal, e.Credential.KeyID().String(), scopeList(e.Scopes), created, expiryInWords(e.Expires, l.now), stateOf(e, l.now)}
}

// dayOf returns the day of a Unix second, in UTC.
func dayOf(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.DateOnly) }

// scopeList returns scopes as a keyring has them, or "-" if there are none.
func scopeList(scopes []string) string {
	if len(scopes) == 0 {
		return "-"
	}
	return strings.Join(scopes, ",")
}

// expiryInWords says how far away an expiry is, and when it is.
func expiryInWords(expires int64, now time.Time) string {
	if expires == core.Never {
		return "never"
	}
	return lifetime.Relative(expires, now) + " (" + lifetime.Exact(expires) + ")"
}

// The states of a token.
const (
	stateActive  = "active"
	stateExpired = "expired"
	// stateUnmatchable says that no client can send what the credential is the hash of.
	stateUnmatchable = "unmatchable"
)

// stateOf returns the state of a token.
func stateOf(e *core.Entry, now time.Time) string {
	switch {
	case tokens.Unmatchable(e.Credential):
		return stateUnmatchable
	case e.Expires <= now.Unix():
		return stateExpired
	}
	return stateActive
}
