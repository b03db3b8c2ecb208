package server

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/concrete-security/auth-service/core"
)

// MaxTold is how many tokens a Server tells apart, and how many principals. So what
// it tells does not grow with the keyring.
const MaxTold = 1000

// A Detail says what the uses of a keyring are counted by.
type Detail uint8

const (
	// ByToken is for keyrings of at most MaxTold tokens.
	ByToken Detail = iota
	// ByPrincipal is for more tokens, of at most MaxTold principals.
	ByPrincipal
	// InSum is for more principals: all uses are one number.
	InSum
)

// detailOf returns how the uses of a keyring are counted.
func detailOf(k *core.Keyring) Detail {
	switch {
	case k.Tokens() <= MaxTold:
		return ByToken
	case len(k.Principals()) <= MaxTold:
		return ByPrincipal
	}
	return InSum
}

// index returns the place of a granted token in tally.uses.
func (d Detail) index(of core.Decision) int {
	switch d {
	case ByToken:
		return of.Token
	case ByPrincipal:
		return of.Owner
	}
	return 0
}

// A user is what uses are counted for. The parts that a Detail does not tell apart are
// zero.
type user struct {
	principal string
	key       core.KeyID
}

// users returns the users of a keyring in the order of index.
func (d Detail) users(k *core.Keyring) (users []user) {
	switch d {
	case ByToken:
		for i := range k.Tokens() {
			t := k.Token(i)
			users = append(users, user{t.Principal, t.Key})
		}
	case ByPrincipal:
		for _, principal := range k.Principals() {
			users = append(users, user{principal: principal})
		}
	case InSum:
		users = append(users, user{})
	}
	return users
}

// of returns the user that stands for u, which may be counted in more detail.
func (d Detail) of(u user) user {
	switch d {
	case ByToken:
		return u
	case ByPrincipal:
		return user{principal: u.principal}
	}
	return user{}
}

// A useTally counts the uses of one user. Any goroutine may read it while workers go on
// counting.
type useTally struct {
	count atomic.Uint64
	last  atomic.Int64
}

// add counts a use at a Unix second.
func (t *useTally) add(now int64) {
	t.count.Add(1)
	if t.last.Load() < now {
		t.last.Store(now)
	}
}

// uses are how often a user was granted access, and the Unix second of the last time.
type uses struct {
	count uint64
	last  int64
}

func (u uses) plus(other uses) uses {
	return uses{u.count + other.count, max(u.last, other.last)}
}

// A ledger has the uses of a keyring's users, under earlier keyrings too. It belongs to
// one goroutine at a time.
type ledger struct {
	detail  Detail
	users   []user // by the index in tally.uses
	earlier map[user]uses
}

// newLedger returns a ledger without uses. If its detail is less than before, the log
// says so.
func (s *Server) newLedger(k *core.Keyring) (l ledger) {
	if !s.options.Measure {
		return l
	}
	l.detail, l.earlier = detailOf(k), map[user]uses{}
	l.users = l.detail.users(k)
	for _, u := range l.users {
		l.earlier[u] = uses{}
	}
	if l.detail != ByToken && l.detail != s.ledger.detail {
		s.options.Logger.Warn(l.detail.note())
	}
	return l
}

// carry adds the earlier uses of those users that have them. What was counted in less
// detail is forgotten.
func (l *ledger) carry(from *ledger) {
	if l.detail < from.detail {
		return
	}
	for u, n := range from.earlier {
		u = l.detail.of(u)
		if before, known := l.earlier[u]; known {
			l.earlier[u] = before.plus(n)
		}
	}
}

// add adds what a worker has counted to the uses.
func (l *ledger) add(to map[user]uses, counted []useTally) {
	for i := range counted {
		u := l.users[i] // two tokens of a principal may have one key id
		to[u] = to[u].plus(uses{counted[i].count.Load(), counted[i].last.Load()})
	}
}

// note returns what a log says of the detail, if that is less than usual.
func (d Detail) note() string {
	limit := strconv.Itoa(MaxTold)
	switch d {
	case ByPrincipal:
		return "there are more than " + limit + " tokens: their uses are counted by principal, not by token"
	case InSum:
		return "there are more than " + limit + " principals: their uses and expiries are shown for all of them together"
	}
	return ""
}

// Uses are the requests that were granted to a user of the keyring.
type Uses struct {
	// Principal is empty InSum.
	Principal string
	// Key is the key id of the token, or "-" if it has none. It is empty unless ByToken.
	Key string
	// Count is how many requests were granted.
	Count uint64
	// Last is the Unix second of the last one, or 0 if there was none.
	Last int64
}

// list returns the uses in the order of principals and key ids.
func (d Detail) list(all map[user]uses) []Uses {
	list := make([]Uses, 0, len(all))
	for u, n := range all {
		entry := Uses{Principal: u.principal, Count: n.count, Last: n.last}
		if d == ByToken {
			entry.Key = u.key.String()
		}
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b Uses) int {
		return cmp.Or(strings.Compare(a.Principal, b.Principal), strings.Compare(a.Key, b.Key))
	})
	return list
}

// Tokens returns what the keyring tells of its tokens, in the order of principals and
// key ids: of the first MaxTold, if there are more. The caller must not change it.
func (s *Server) Tokens() []core.TokenInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listed == nil {
		s.listed = firstTokens(s.keyring)
	}
	return s.listed
}

// firstTokens returns the first MaxTold tokens. It sorts no more than twice as many at a
// time, so a large keyring takes little memory.
func firstTokens(k *core.Keyring) []core.TokenInfo {
	first := make([]core.TokenInfo, 0, min(k.Tokens(), 2*MaxTold))
	full := false // first[MaxTold-1] is the last that counts
	for i := range k.Tokens() {
		t := k.Token(i)
		if full && compareTokens(t, first[MaxTold-1]) >= 0 {
			continue
		}
		if first = append(first, t); len(first) == 2*MaxTold {
			slices.SortFunc(first, compareTokens)
			first, full = first[:MaxTold], true
		}
	}
	slices.SortFunc(first, compareTokens)
	return first[:min(len(first), MaxTold)]
}

func compareTokens(a, b core.TokenInfo) int {
	return cmp.Or(strings.Compare(a.Principal, b.Principal), strings.Compare(a.Key.String(), b.Key.String()), cmp.Compare(a.Expires, b.Expires))
}
