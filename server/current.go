package server

import (
	"sync"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/secret"
)

// current is a keyring in use, and what it was used for. A verdict holds the
// read lock, so that a keyring that was replaced can be wiped: see
// Server.SetKeyring.
type current struct {
	sync.RWMutex
	keyring *core.Keyring
	tally   tally
}

// use makes c decide by another keyring, and counts its uses from 0.
func (c *current) use(keyring *core.Keyring, l *ledger) {
	c.keyring = keyring
	if c.tally.measures {
		c.tally.detail, c.tally.uses = l.detail, make([]useTally, len(l.users))
	}
}

// authorize decides and counts.
func (c *current) authorize(r *core.Request) core.Decision {
	c.RLock()
	defer c.RUnlock()
	if !c.tally.measures {
		d := c.decide(r)
		c.tally.verdicts[d.Reason].Add(1)
		return d
	}
	begun := time.Now()
	d := c.decide(r)
	c.tally.measured(d, r.Now, time.Since(begun))
	return d
}

// decide leaves nothing of the token on the stack.
func (c *current) decide(r *core.Request) (d core.Decision) {
	secret.Do(func() { d = c.keyring.Authorize(r) })
	return d
}

// SetKeyring makes the server decide by another keyring, which it then owns.
// When SetKeyring returns, no verdict uses the old one any more, and the digests of
// the old one are wiped. The keyring may be nil, as for [New]. SetKeyring may be
// called at any time and from any goroutine.
func (s *Server) SetKeyring(keyring *core.Keyring) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.newLedger(keyring)
	for _, c := range s.currents {
		c.Lock()
		s.ledger.add(s.ledger.earlier, c.tally.uses)
		c.use(keyring, &next)
		c.Unlock()
	}
	next.carry(&s.ledger)
	s.keyring.Wipe()
	s.keyring, s.ledger, s.listed = keyring, next, nil
}

// nextCurrent returns the keyring in use for a worker. There is one for each loop.
// Where there are more workers than that, they share them in turn.
func (s *Server) nextCurrent() *current {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.workers++
	if i := s.workers - 1; i >= s.options.Loops {
		return s.currents[i%s.options.Loops]
	}
	c := &current{tally: tally{measures: s.options.Measure}}
	c.use(s.keyring, &s.ledger)
	s.currents = append(s.currents, c)
	return c
}
