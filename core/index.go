package core

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// window is the number of slots that every verdict compares. Buckets are made
// narrow enough for none to hold more.
const window = 8

type slotDigest [4]uint64

type slot struct {
	digest    slotDigest
	expires   int64
	key       uint64 // the key id: see KeyID
	principal uint32
	scopes    uint32
}

// index salts the entries, sorts them into buckets, and numbers the names.
func (k *Keyring) index(entries []Entry) error {
	names := newNames()
	defer func() { k.principals, k.scopeSets = names.principals, names.scopeSets }()
	k.slots = make([]slot, len(entries)+window+1)
	if k.hasToken {
		k.slots[k.tokenAt()] = slot{
			expires:   Never,
			principal: names.principal(DefaultPrincipal),
			scopes:    names.scopeSet([]string{AnyScope}),
		}
	}
	if len(entries) == 0 {
		return nil
	}
	k.lastExpiry = math.MinInt64
	unsorted := make([]slot, len(entries))
	defer clear(unsorted)
	for i := range entries {
		e := &entries[i]
		if err := e.checkNames(); err != nil {
			return &annotated{"entries[" + strconv.Itoa(i) + "]", err}
		}
		unsorted[i] = slot{
			digest:    words(k.seed.digest(&e.Credential)),
			expires:   e.Expires,
			key:       e.Credential.KeyID().digits,
			principal: names.principal(e.Principal),
			scopes:    names.scopeSet(e.Scopes),
		}
		k.lastExpiry = max(k.lastExpiry, e.Expires)
	}

	width := bits.Len(uint(len(entries) - 1)) // one bucket an entry, rounded up
	for ; !k.fits(unsorted, width); width++ {
		// Digests are uniform, so a doubling or two makes every bucket narrow
		// enough, unless it holds the same digest over and over.
		if width > bits.Len(uint(len(entries)))+8 {
			return ErrDuplicateCredential
		}
	}
	k.shift = uint(64 - width)
	k.entries = len(entries)
	next := append([]uint32(nil), k.firsts...)
	for i := range unsorted {
		b := k.bucket(&unsorted[i].digest)
		for _, other := range k.slots[k.firsts[b]:next[b]] {
			if other.digest == unsorted[i].digest {
				return &annotated{"principal " + entries[i].Principal, ErrDuplicateCredential}
			}
		}
		k.slots[next[b]] = unsorted[i]
		next[b]++
	}
	return nil
}

// tokenAt is the slot of what the single token grants.
func (k *Keyring) tokenAt() uint64 { return uint64(len(k.slots) - 1) }

// fits lays out firsts for 1<<width buckets and reports whether none of them
// takes more than window slots.
func (k *Keyring) fits(slots []slot, width int) bool {
	k.shift = uint(64 - width)
	k.firsts = make([]uint32, 1<<width)
	for i := range slots {
		k.firsts[k.bucket(&slots[i].digest)]++
	}
	sum := uint32(0)
	for b, n := range k.firsts {
		if n > window {
			return false
		}
		k.firsts[b] = sum
		sum += n
	}
	return true
}

// bucket is the digest's first bits. A shift by 64, of a single bucket, is 0.
func (k *Keyring) bucket(d *slotDigest) uint64 { return d[0] >> k.shift }

// lookup returns the slot of a token and all ones, or any slot and zero.
func (k *Keyring) lookup(token []byte) (at, known uint64) {
	at = k.tokenAt()
	if k.entries > 0 {
		credential := CredentialOf(token)
		digest := words(k.seed.digest(&credential))
		at = uint64(k.firsts[k.bucket(&digest)])
		candidates := k.slots[at:][:window]
		matching := uint64(0)
		for i := range candidates {
			equal := equalMask(&candidates[i].digest, &digest)
			matching |= equal & uint64(i)
			known |= equal
		}
		at += matching
	}
	if k.hasToken {
		digest := words(k.single.salt.digest(token))
		equal := equalMask(&k.single.digest, &digest)
		at = at&^equal | k.tokenAt()&equal
		known |= equal
	}
	return at, known
}

// equalMask is all ones if the digests are equal and zero if not, without a
// branch. It is [crypto/subtle.ConstantTimeCompare] by words, as eight
// comparisons by bytes would cost more than the hash.
func equalMask(a, b *slotDigest) uint64 {
	diff := (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) // | and ^ bind alike
	return (diff|-diff)>>63 - 1
}

func words(b [sha256.Size]byte) (w slotDigest) {
	for i := range w {
		w[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return w
}
