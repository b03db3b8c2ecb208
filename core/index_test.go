package core

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"math/bits"
	"testing"
)

func numberedEntries(n int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = Entry{Principal: "p", Credential: numbered(i), Expires: int64(i)}
	}
	return entries
}

func numbered(i int) Credential {
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], uint64(i))
	return CredentialOf(number[:])
}

// A verdict looks at window slots whatever the keyring holds, so no bucket may
// hold more, and the last bucket's window must not end outside of the slots.
func TestIndexKeepsToTheWindow(t *testing.T) {
	sizes := []int{100_000}
	for n := 1; n < 70; n++ {
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		k, err := NewKeyring(rand.Reader, nil, numberedEntries(n))
		if err != nil {
			t.Fatal(err)
		}
		if len(k.slots) != n+window+1 {
			t.Fatalf("%d slots for %d entries", len(k.slots), n)
		}
		for b, first := range k.firsts {
			end := uint32(n)
			if b+1 < len(k.firsts) {
				end = k.firsts[b+1]
			}
			if end < first || end-first > window || int(first)+window > n+window {
				t.Fatalf("%d entries: bucket %d is slots %d to %d of %d", n, b, first, end, len(k.slots))
			}
			for i := first; i < end; i++ {
				if k.bucket(&k.slots[i].digest) != uint64(b) {
					t.Fatalf("%d entries: slot %d is not in its bucket", n, i)
				}
			}
		}
		for i := range window {
			if k.slots[n+i] != (slot{}) {
				t.Fatalf("%d entries: slot %d behind them is not empty", n, n+i)
			}
		}
	}
}

// Each of many tokens is found, and as the entry that it belongs to.
func TestIndexFindsAll(t *testing.T) {
	const n = 10_000
	k, err := NewKeyring(rand.Reader, []byte("single"), numberedEntries(n))
	if err != nil {
		t.Fatal(err)
	}
	var number [8]byte
	for i := range 2 * n {
		binary.BigEndian.PutUint64(number[:], uint64(i))
		at, known := k.lookup(number[:])
		if expires := k.slots[at].expires; (known != 0) != (i < n) || known != 0 && expires != int64(i) {
			t.Fatalf("token %d: known %x, as entry %d", i, known, expires)
		}
	}
}

// Buckets that are full to the last slot, and one entry too full for the first
// layout, are rare; here they are made.
func TestIndexOfFullBuckets(t *testing.T) {
	var zero zeroReader
	seed, err := newSeed(zero)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{window, window + 1, 2 * window} {
		// The layout that is tried first has as many buckets as entries, rounded
		// up; all entries are of its last one.
		first := uint(bits.Len(uint(n - 1)))
		var entries []Entry
		var tokens []int
		for i := 0; len(entries) < n; i++ {
			c := numbered(i)
			if d := words(seed.digest(&c)); d[0]>>(64-first) == 1<<first-1 {
				entries = append(entries, Entry{Principal: "p", Credential: c, Expires: int64(i)})
				tokens = append(tokens, i)
			}
		}
		k, err := NewKeyring(zero, nil, entries)
		if err != nil {
			t.Fatal(err)
		}
		if widened := k.shift < 64-first; widened != (n > window) {
			t.Errorf("%d entries in one bucket: widened %t", n, widened)
		}
		for _, i := range tokens {
			var number [8]byte
			binary.BigEndian.PutUint64(number[:], uint64(i))
			if at, known := k.lookup(number[:]); known == 0 || k.slots[at].expires != int64(i) {
				t.Errorf("%d entries in one bucket: token %d: known %x, as entry %d", n, i, known, k.slots[at].expires)
			}
		}
	}
}

// zeroReader reads zeros.
type zeroReader struct{}

func (zeroReader) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestEqualMask(t *testing.T) {
	a := slotDigest{1, 2, 3, 4}
	if equalMask(&a, &a) != ^uint64(0) {
		t.Error("equal digests")
	}
	for bit := range 256 {
		b := a
		b[bit/64] ^= 1 << (bit % 64)
		if equalMask(&a, &b) != 0 {
			t.Errorf("bit %d differs", bit)
		}
	}
}

// The single token's digests and the entries' are of two domains: what is in
// one cannot be found in the other.
func TestDomainsAreSeparate(t *testing.T) {
	credential := CredentialOf([]byte("token"))
	k, err := NewKeyring(rand.Reader, credential[:], []Entry{{Principal: "p", Credential: credential, Expires: Never}})
	if err != nil {
		t.Fatal(err)
	}
	if k.single.salt == (salt{}) || k.single.markSalt == (salt{}) || k.single.salt == k.single.markSalt {
		t.Fatal("two domains need two salts")
	}
	for _, s := range []salt{{}, k.single.salt, k.single.markSalt} {
		if seed, err := s.seed(); err != nil || bytes.Equal(seed, k.seed) {
			t.Error("the entries' salt is not their own")
		}
	}
	if k.slots[0].digest == k.single.digest {
		t.Error("one message has one digest in both domains")
	}
}

func TestSaltIsFresh(t *testing.T) {
	entries := numberedEntries(1)
	a, errA := NewKeyring(rand.Reader, []byte("token"), entries)
	b, errB := NewKeyring(rand.Reader, []byte("token"), entries)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if a.single.digest == b.single.digest || a.slots[0].digest == b.slots[0].digest {
		t.Error("two keyrings share a digest")
	}
}

// Both ways to compute a digest, for short and for long messages, agree with
// the definition, at every length around the change from one to the other.
func TestDigest(t *testing.T) {
	s := salt{1, 2, 3}
	for n := range 2*usualLength + 1 {
		message := make([]byte, n)
		for i := range message {
			message[i] = byte(i)
		}
		salted := append(append([]byte(nil), s[:]...), message...)
		if got, want := s.digest(message), CredentialOf(salted); got != want {
			t.Fatalf("%d bytes: %x, want %x", n, got, want)
		}
	}
}

// An entry's digest is what its definition says.
func TestSeedDigest(t *testing.T) {
	s := salt{1, 2, 3}
	seed, err := s.seed()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		c := Credential{byte(n), 31: byte(n)}
		salted := append(append(s[:], make([]byte, 32)...), c[:]...)
		if got, want := seed.digest(&c), CredentialOf(salted); got != want {
			t.Errorf("%x, want %x", got, want)
		}
	}
}

func TestWipe(t *testing.T) {
	k, err := NewKeyring(rand.Reader, []byte("single"), numberedEntries(100))
	if err != nil {
		t.Fatal(err)
	}
	slots, firsts, seed := k.slots, k.firsts, k.seed
	k.Wipe()
	for i := range slots {
		if slots[i] != (slot{}) {
			t.Fatalf("slot %d is not wiped", i)
		}
	}
	for i := range firsts {
		if firsts[i] != 0 {
			t.Fatalf("bucket %d is not wiped", i)
		}
	}
	if !bytes.Equal(seed, make([]byte, len(seed))) {
		t.Error("the seed is not wiped")
	}
	if k.single != (single{}) || k.seed != nil || k.slots != nil {
		t.Error("the keyring itself is not wiped")
	}

	entries := numberedEntries(3)
	WipeEntries(entries)
	for i, e := range entries {
		if e.Credential != (Credential{}) {
			t.Errorf("entry %d is not wiped", i)
		}
	}
}
