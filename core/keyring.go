package core

import (
	"errors"
	"io"
	"strconv"
)

// DefaultPrincipal owns the single token that needs no keyring.
const DefaultPrincipal = "default"

// ErrDuplicateCredential is returned for two entries with one credential:
// which principal a request would then be counted for is anybody's guess.
var ErrDuplicateCredential = errors.New("the same credential twice")

// A Request is what a verdict depends on, and all it depends on.
type Request struct {
	// Authorization is the value of the request's Authorization field. It is not
	// kept and not wiped. If Schemes have [Basic], credentials of that scheme are
	// decoded in it; otherwise it is only read.
	Authorization []byte
	// AuthorizationCount is the number of Authorization field lines that the
	// request has. With more than one, nobody can say which of them another
	// program would read, so the request is denied.
	AuthorizationCount int
	// Schemes are those in which Authorization may carry a token. The zero Schemes are
	// [Bearer].
	Schemes Schemes
	// Token is the value of a field that [Accept.Fields] names. It is only read.
	Token []byte
	// TokenCount is the number of such values. With more than one, or with one beside
	// a credential in Authorization, the request is denied. [Request.AddField] counts.
	TokenCount int
	fields     uint8 // those that AddField has seen
	// Scopes lists the scopes that are required, separated by SP or HTAB. No bytes at
	// all require nothing; separators alone require what no token has.
	Scopes []byte
	// Now is the time of the request in Unix seconds.
	Now int64
}

// A Keyring holds the digests of all tokens that are accepted. It is
// immutable, so any number of goroutines may call its methods, except
// [Keyring.Wipe]. A nil *Keyring and the zero Keyring deny everything as
// Unconfigured.
//
// Finding a token costs the same for one entry and for a million: its digest
// is SHA-256(salt ‖ zeros ‖ SHA-256(token)), the first bits of which name a bucket
// of at most window slots; every slot of the window is compared, whichever
// matches. The single token has a salt of its own, so that neither digest says
// anything about the other and a stolen credential, presented as a token, is
// one more wrong token.
type Keyring struct {
	single   single
	hasToken bool // the single token is known, and no entry decides in its place

	seed       seed     // of the entries' digests
	firsts     []uint32 // bucket → its first slot; a power of two of them
	slots      []slot   // by bucket, then window empty ones, then what the single token grants
	entries    int
	shift      uint     // digest's first word → bucket
	lastExpiry int64    // of the entries
	principals []string // the first is nobody
	scopeSets  []scopeSet
}

// NewKeyring returns a keyring that accepts token, as [DefaultPrincipal] with
// every scope, and the tokens of entries. An empty token counts as none. If an
// entry has the same token, that entry's principal, scopes and expiry apply. An entry
// whose principal or scope is not valid is an error; entries of [ParseKeyring] are valid.
// NewKeyring reads two salts of [SaltSize] bytes from random, and a third if
// there is a token; random must be a cryptographic source. It keeps neither token
// nor entries; the caller wipes them (see [WipeEntries]).
func NewKeyring(random io.Reader, token []byte, entries []Entry) (*Keyring, error) {
	s, err := newSingle(random, token)
	if err != nil {
		return nil, err
	}
	return newKeyring(random, s, entries)
}

// WithEntries returns a new keyring that accepts k's token, known by its
// digest alone, and the tokens of entries, under a fresh salt read from random.
// k stays as it is. It is how a process that has forgotten its token renews
// the entries beside it.
func (k *Keyring) WithEntries(random io.Reader, entries []Entry) (*Keyring, error) {
	if k == nil {
		return newKeyring(random, single{}, entries)
	}
	return newKeyring(random, k.single, entries)
}

func newKeyring(random io.Reader, s single, entries []Entry) (*Keyring, error) {
	k := &Keyring{single: s, hasToken: s.known && !s.among(entries)}
	var err error
	if k.seed, err = newSeed(random); err != nil {
		return nil, err
	}
	if err := k.index(entries); err != nil {
		return nil, err
	}
	return k, nil
}

// Usable reports whether there is any token to compare with.
func (k *Keyring) Usable() bool { return k != nil && (k.hasToken || k.entries > 0) }

// CanGrant reports whether there is a token that has not expired at the Unix
// second now.
func (k *Keyring) CanGrant(now int64) bool {
	return k != nil && (k.hasToken || k.entries > 0 && now < k.lastExpiry)
}

// TokenInEntries reports whether an entry has the single token as well. That
// entry then decides in its place.
func (k *Keyring) TokenInEntries() bool { return k != nil && k.single.known && !k.hasToken }

// Tokens is the number of tokens that the keyring knows, expired or not.
func (k *Keyring) Tokens() int {
	if k == nil {
		return 0
	}
	if k.hasToken {
		return k.entries + 1
	}
	return k.entries
}

// A TokenInfo is what a keyring tells of one of its tokens.
type TokenInfo struct {
	// Principal is whom the token stands for.
	Principal string
	// Key is the key id, which the single token does not have.
	Key KeyID
	// Scopes are those that the token has, separated by spaces, or "*" if it has any.
	Scopes string
	// Expires is the Unix second from which on the token is denied, or Never.
	Expires int64
}

// Token returns what the keyring tells of a token. The index i is that of
// [Decision.Token], from 0 to less than [Keyring.Tokens]. The order of the tokens is
// random, and another one in each keyring.
func (k *Keyring) Token(i int) TokenInfo {
	s := &k.slots[:k.Tokens()][i]
	if i == k.entries {
		s = &k.slots[k.tokenAt()]
	}
	return TokenInfo{
		Principal: k.principals[s.principal],
		Key:       KeyID{s.key},
		Scopes:    k.scopeSets[s.scopes].list,
		Expires:   s.expires,
	}
}

// Expired is the number of tokens that have expired at the Unix second now. It
// takes time in proportion to the number of tokens.
func (k *Keyring) Expired(now int64) (n int) {
	if k == nil {
		return 0
	}
	for i := range k.slots[:k.entries] {
		if k.slots[i].expires <= now {
			n++
		}
	}
	return n
}

// Principals returns the names of all principals, each once, in the order of
// [Decision.Owner]. The caller must not change it.
func (k *Keyring) Principals() []string {
	if k == nil || len(k.principals) == 0 {
		return nil
	}
	return k.principals[1:]
}

// Expiries returns for each principal the Unix seconds of its tokens' next
// expiry after now, or, if all of its tokens have expired, those of the last. It
// leaves out a principal that has a token without expiry and none that will expire.
// It takes time in proportion to the number of tokens.
func (k *Keyring) Expiries(now int64) map[string]int64 {
	expiries := map[string]int64{}
	if k == nil {
		return expiries
	}
	found := make([]int64, len(k.principals)) // 0: none yet
	for _, s := range k.slots[:k.entries] {
		of := &found[s.principal]
		if *of <= now && s.expires > *of || s.expires > now && s.expires < *of {
			*of = s.expires
		}
	}
	if k.hasToken {
		found[k.slots[k.tokenAt()].principal] = Never
	}
	for principal, expires := range found {
		if principal > 0 && expires != Never {
			expiries[k.principals[principal]] = expires
		}
	}
	return expiries
}

// Authorize decides on a request. It does not keep r, and it changes nothing but what
// [Request.Authorization] says. It allocates nothing. See the package documentation for
// what is constant-time.
func (k *Keyring) Authorize(r *Request) Decision {
	if !k.Usable() {
		return Decision{Reason: Unconfigured}
	}
	token, reason := r.token()
	if reason != Granted {
		return Decision{Reason: reason}
	}

	at, known := k.lookup(token)
	entry := &k.slots[at]

	// All three questions are asked whatever the answers are, of some entry
	// even when none matched, and no branch is taken by an answer.
	expired := mask(r.Now >= entry.expires)
	unsatisfied := mask(!k.scopeSets[entry.scopes].satisfies(r.Scopes))
	reason = [8]Reason{
		Unknown, Unknown, Unknown, Unknown,
		Granted, InsufficientScope, Expired, Expired,
	}[known&4|expired&2|unsatisfied&1]
	principal := uint64(entry.principal) & known
	return Decision{
		Reason:    reason,
		Principal: k.principals[principal],
		Owner:     int(principal - known&1),
		Scopes:    k.scopeSets[uint64(entry.scopes)&known].list,
		Key:       KeyID{entry.key & known},
		Token:     int((at - window&mask(at == k.tokenAt())) & known), // there are window empty slots before the last one
	}
}

// mask is all ones if b and zero if not; it compiles to no branch.
func mask(b bool) uint64 {
	bit := uint64(0)
	if b {
		bit = 1
	}
	return -bit
}

// String returns how many tokens and principals the keyring has. So no digest shows
// when it is printed.
func (k *Keyring) String() string {
	return "keyring of " + strconv.Itoa(k.Tokens()) + " tokens and " + strconv.Itoa(len(k.Principals())) + " principals"
}

// GoString returns what [Keyring.String] does, within core.Keyring{…}.
func (k *Keyring) GoString() string { return "core.Keyring{" + k.String() + "}" }

// Wipe overwrites all digests and salts; the keyring then denies
// everything. No other method may run meanwhile.
func (k *Keyring) Wipe() {
	if k == nil {
		return
	}
	clear(k.seed)
	clear(k.slots)
	clear(k.firsts)
	*k = Keyring{}
}
