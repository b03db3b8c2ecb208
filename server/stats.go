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
	durations [len(durationBounds) + 1]atomic.Uint64 // the last is of what took longer
	total     atomic.Int64                           // nanoseconds
	uses      []atomic.Uint64                        // by core.Decision.Owner; of the keyring in use
}

// durationBounds are what a verdict may take, inclusive, to be counted there.
var durationBounds = [...]time.Duration{
	250 * time.Nanosecond, 500 * time.Nanosecond,
	time.Microsecond, 2500 * time.Nanosecond, 5 * time.Microsecond,
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, time.Millisecond, 10 * time.Millisecond,
}

func (t *tally) measured(d core.Decision, took time.Duration) {
	t.verdicts[d.Reason].Add(1)
	if d.Granted() {
		t.uses[d.Owner].Add(1)
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
	// Connections are those that are open now.
	Connections int64
	// Held is how many bytes incomplete requests and unread responses hold now.
	Held int64
	// Durations of verdicts, from a parsed request head to its decision; only
	// with Options.Measure.
	Durations Histogram
	// Uses are the requests granted to each principal of the keyring, under
	// earlier keyrings too if it was in all of them; only with
	// Options.Measure.
	Uses map[string]uint64
	// Tokens is the number of tokens in the keyring.
	Tokens int
	// Usable says whether at least one of the tokens can pass.
	Usable bool
	// Expiries are the Unix seconds at which principals lose their access; see
	// [core.Keyring.Expiries].
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
	stats := Stats{
		Connections: s.engine.Connections(),
		Held:        s.engine.Held(),
		Durations:   Histogram{Bounds: durationBounds[:], Counts: make([]uint64, len(durationBounds)+1)},
		Uses:        s.usesNow(),
		Tokens:      s.keyring.Tokens(),
		Usable:      s.keyring.CanGrant(s.options.Now().Unix()),
		Expiries:    s.keyring.Expiries(s.options.Now().Unix()),
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

// usesNow are the uses of the principals of the keyring in use. The caller
// holds mu.
func (s *Server) usesNow() map[string]uint64 {
	if !s.options.Measure {
		return nil
	}
	uses := map[string]uint64{}
	for i, principal := range s.keyring.Principals() {
		uses[principal] = s.uses[principal]
		for _, c := range s.currents {
			uses[principal] += c.tally.uses[i].Load()
		}
	}
	return uses
}

// retainUses adds up what c has counted under the keyring in use. The caller
// holds mu and c's lock.
func (s *Server) retainUses(c *current) {
	principals := s.keyring.Principals()
	for i := range c.tally.uses {
		if n := c.tally.uses[i].Load(); n > 0 {
			s.uses[principals[i]] += n
		}
	}
}

// forgetUses drops the uses of principals that the keyring in use does not
// have. The caller holds mu.
func (s *Server) forgetUses() {
	kept := make(map[string]bool, len(s.keyring.Principals()))
	for _, principal := range s.keyring.Principals() {
		kept[principal] = true
	}
	maps.DeleteFunc(s.uses, func(principal string, _ uint64) bool { return !kept[principal] })
}
