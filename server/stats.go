package server

import (
	"maps"
	"sync/atomic"
	"time"

	"github.com/concrete-security/auth-service/core"
)

// tally counts what workers have answered. Any goroutine may read it while
// they go on counting.
type tally struct {
	measures  bool // durations and uses too
	verdicts  [core.Reasons]atomic.Uint64
	others    atomic.Uint64
	refused   [statusRange]atomic.Uint64             // by status, from leastStatus on; of others
	durations [len(durationBounds) + 1]atomic.Uint64 // the last is of what took longer
	total     atomic.Int64                           // nanoseconds
	detail    Detail                                 // of uses
	uses      []useTally                             // by Detail.index; of the keyring in use
}

// durationBounds are what a verdict may take, inclusive, to be counted there.
var durationBounds = [...]time.Duration{
	250 * time.Nanosecond, 500 * time.Nanosecond,
	time.Microsecond, 2500 * time.Nanosecond, 5 * time.Microsecond,
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, time.Millisecond, 10 * time.Millisecond,
}

// refusal counts a request that is not served.
func (t *tally) refusal(r refusal) {
	t.others.Add(1)
	t.refused[r.status-leastStatus].Add(1)
}

// measured counts a decision at the Unix second now.
func (t *tally) measured(d core.Decision, now int64, took time.Duration) {
	t.verdicts[d.Reason].Add(1)
	if d.Granted() {
		t.uses[t.detail.index(d)].add(now)
	}
	bucket := 0
	for bucket < len(durationBounds) && took > durationBounds[bucket] {
		bucket++
	}
	t.durations[bucket].Add(1)
	t.total.Add(int64(took))
}

// Stats are the figures of a Server since its start.
type Stats struct {
	// Verdicts are the answers to authorization requests, by reason.
	Verdicts [core.Reasons]uint64
	// Others are the answers to all other requests, refused ones and health
	// probes included.
	Others uint64
	// Refused are the answers to requests that are not served, by status. They are
	// some of the Others.
	Refused map[int]uint64
	// Connections are those that are open now.
	Connections int64
	// Held is how many bytes incomplete requests and unread responses hold now.
	Held int64
	// Durations of verdicts, from a parsed request head to its decision; only
	// with Options.Measure.
	Durations Histogram
	// Uses are the requests that were granted, under earlier keyrings too for those
	// that were in all of them; only with Options.Measure. They are in the order of
	// principals and key ids.
	Uses []Uses
	// Detail says what Uses are counted by.
	Detail Detail
	// Tokens is the number of tokens in the keyring.
	Tokens int
	// Unexpired is how many of them have not expired.
	Unexpired int
	// Usable says whether at least one of the tokens can pass.
	Usable bool
	// Expiries are the Unix seconds at which principals lose their access; see
	// [core.Keyring.Expiries]. InSum, the empty principal stands for all.
	Expiries map[string]int64
}

// A Histogram counts durations.
type Histogram struct {
	// Bounds are the upper bounds of the buckets, inclusive and ascending.
	Bounds []time.Duration
	// Counts are the durations in each bucket. There is one more than Bounds, for
	// the durations above the last bound.
	Counts []uint64
	// Sum is the sum of all durations.
	Sum time.Duration
}

// Stats returns the figures. Any goroutine may call it at any time. The figures are
// read one after another, so they may differ by the requests that are being answered.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now().Unix()
	stats := Stats{
		Refused:     map[int]uint64{},
		Connections: s.engine.Connections(),
		Held:        s.engine.Held(),
		Durations:   Histogram{Bounds: durationBounds[:], Counts: make([]uint64, len(durationBounds)+1)},
		Uses:        s.usesNow(),
		Detail:      s.ledger.detail,
		Tokens:      s.keyring.Tokens(),
		Unexpired:   s.keyring.Tokens() - s.keyring.Expired(now),
		Usable:      s.keyring.CanGrant(now),
		Expiries:    expiries(s.keyring, now),
	}
	for _, r := range refusals() {
		stats.Refused[r.status] = 0
		for _, c := range s.currents {
			stats.Refused[r.status] += c.tally.refused[r.status-leastStatus].Load()
		}
	}
	for _, c := range s.currents {
		stats.Others += c.tally.others.Load()
		stats.Durations.Sum += time.Duration(c.tally.total.Load())
		for i := range c.tally.verdicts {
			stats.Verdicts[i] += c.tally.verdicts[i].Load()
		}
		for i := range c.tally.durations {
			stats.Durations.Counts[i] += c.tally.durations[i].Load()
		}
	}
	return stats
}

// Usable reports whether at least one token can pass: there is one, and it has not
// expired.
func (s *Server) Usable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keyring.CanGrant(s.options.Now().Unix())
}

// usesNow are the uses of the keyring in use. The caller holds mu.
func (s *Server) usesNow() []Uses {
	if !s.options.Measure {
		return nil
	}
	now := maps.Clone(s.ledger.earlier)
	for _, c := range s.currents {
		s.ledger.add(now, c.tally.uses)
	}
	return s.ledger.detail.list(now)
}

// expiries returns the expiries of a keyring by principal, or, if there are too many
// principals, what they would be if all tokens were one principal's.
func expiries(k *core.Keyring, now int64) map[string]int64 {
	if len(k.Principals()) <= MaxTold {
		return k.Expiries(now)
	}
	next, last := int64(core.Never), int64(core.Never)
	for i := range k.Tokens() {
		switch expires := k.Token(i).Expires; {
		case expires > now:
			next = min(next, expires)
		case last == core.Never || expires > last:
			last = expires
		}
	}
	switch {
	case next != core.Never:
		return map[string]int64{"": next}
	case !k.CanGrant(now):
		return map[string]int64{"": last}
	}
	return nil
}
