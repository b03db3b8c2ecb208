package tokens

import (
	"sync"
	"time"
)

// Reloads says how often the sources were read again. The first reading is not
// counted.
type Reloads struct {
	Succeeded, Failed uint64
	// LastGood is when the tokens in force were read.
	LastGood time.Time
	// LastSucceeded is whether the latest reading, the first included, succeeded.
	LastSucceeded bool
	// LastLook is when the files were last checked for changes. It is zero if there
	// are none.
	LastLook time.Time
}

// Reloads returns the present figures. It may be called at any time.
func (s *Sources) Reloads() Reloads {
	s.figures.mu.Lock()
	defer s.figures.mu.Unlock()
	return s.figures.Reloads
}

// figures are Reloads while they change.
type figures struct {
	mu sync.Mutex
	Reloads
}

// loaded notes the first reading, and whether it found all files.
func (f *figures) loaded(now time.Time, complete bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.LastGood, f.LastSucceeded = now, complete
}

func (f *figures) looked(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.LastLook = now
}

func (f *figures) reloaded(succeeded bool, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.LastSucceeded = succeeded
	if !succeeded {
		f.Failed++
		return
	}
	f.Succeeded++
	f.LastGood = now
}
