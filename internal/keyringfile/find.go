package keyringfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/setting"
)

// A Match is the entries that a name means, in the order of the file. A principal may
// be called like the key id of another token.
type Match struct {
	Name        string
	OfPrincipal []int // the entries of the principal with that name
	OfKey       []int // the entries with that key id
}

// Find returns for each name which entries it means. A name is a principal, or the
// digits of a key id in any case:
//
//	name   = principal / ["sha256:"] 8*64HEXDIG
//
// More than eight digits are those of the credential. With "sha256:" a name is
// always a key id.
func (t *Text) Find(names ...string) []Match {
	found := make([]Match, len(names))
	principals, keys := map[string][]int{}, map[string][]int{} // which names they are
	digits := make([]string, len(names))
	for n, name := range names {
		found[n].Name = name
		key, only := keyDigits(name)
		if digits[n] = key; key != "" {
			keys[key[:keyIDDigits]] = append(keys[key[:keyIDDigits]], n)
		}
		if !only {
			principals[name] = append(principals[name], n)
		}
	}
	for i := range t.entries {
		e := &t.entries[i]
		for _, n := range principals[e.Principal] {
			found[n].OfPrincipal = append(found[n].OfPrincipal, i)
		}
		if len(keys) == 0 {
			continue
		}
		for _, n := range keys[e.Credential.KeyID().String()] {
			if beginsWith(&e.Credential, digits[n]) {
				found[n].OfKey = append(found[n].OfKey, i)
			}
		}
	}
	return found
}

// keyIDDigits is how many digits a key id has.
const keyIDDigits = 8

// keyDigits returns the digits of a name that may be a key id, in lower case, and
// whether it can be nothing else.
func keyDigits(name string) (digits string, only bool) {
	const prefix = "sha256:"
	if digits = name; len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
		digits, only = name[len(prefix):], true
	}
	if len(digits) < keyIDDigits || len(digits) > 2*len(core.Credential{}) || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return "", false
	}
	return strings.ToLower(digits), only
}

// beginsWith reports whether the first digits of a credential are these.
func beginsWith(c *core.Credential, digits string) bool {
	const hexDigits = "0123456789abcdef"
	for i := range len(digits) {
		if hexDigits[c[i/2]>>(4*(1-i%2))&0xf] != digits[i] {
			return false
		}
	}
	return true
}

// All returns all entries that the name may mean, in the order of the file.
func (m *Match) All() []int {
	all := slices.Concat(m.OfPrincipal, m.OfKey)
	slices.Sort(all)
	return slices.Compact(all)
}

// Unambiguous returns the entries that the name means, or none. It is an error if the
// name may mean others too: the key id of one token is that of another or the name of
// a principal.
func (t *Text) Unambiguous(m *Match) ([]int, error) {
	switch {
	case len(m.OfKey) > 1:
		return nil, setting.Invalid("%s is the key id of %s; write more digits of its credential", m.Name, t.list(m.OfKey))
	case len(m.OfKey) == 1 && len(m.OfPrincipal) > 0 && !slices.Equal(m.OfKey, m.OfPrincipal):
		return nil, setting.Invalid("%s is a principal, and the key id of %s; write sha256:%s for that token, or the key ids of the principal's tokens: %s",
			m.Name, t.list(m.OfKey), m.Name, t.keys(m.OfPrincipal))
	}
	return m.All(), nil
}

// maxListed is how many entries an error names.
const maxListed = 10

// list names entries and their lines.
func (t *Text) list(entries []int) string {
	names := make([]string, 0, maxListed)
	for _, i := range entries[:min(len(entries), maxListed)] {
		names = append(names, fmt.Sprintf("%s %v (line %d)", t.entries[i].Principal, t.entries[i].Credential.KeyID(), t.Line(i)))
	}
	return joined(names, len(entries))
}

// keys lists the key ids of entries.
func (t *Text) keys(entries []int) string {
	names := make([]string, 0, maxListed)
	for _, i := range entries[:min(len(entries), maxListed)] {
		names = append(names, "sha256:"+t.entries[i].Credential.KeyID().String())
	}
	return joined(names, len(entries))
}

func joined(names []string, total int) string {
	if more := total - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
