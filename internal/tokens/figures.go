package tokens

import (
	"slices"
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
	// Sources are the places that the tokens come from.
	Sources []Source
	// Failures are the latest failures, the newest first, at most five. What fails again
	// for the same reason is there once.
	Failures []Failure
}

// A Source is a place that tokens come from.
type Source struct {
	// Name is that of the setting, or the path if there is no setting.
	Name string
	// Path is that of the file. It is empty for the token of [Options].
	Path string
	// Read is when what is in force of it was read. It is zero if nothing is.
	Read time.Time
}

// A Failure is a reading of the sources that failed.
type Failure struct {
	At time.Time
	// Text is what the log says of it, before any censor.
	Text string
}

// maxFailures is how many failures are kept.
const maxFailures = 5

// Reloads returns the present figures. It may be called at any time.
func (s *Sources) Reloads() Reloads {
	s.figures.mu.Lock()
	defer s.figures.mu.Unlock()
	r := s.figures.Reloads
	r.Sources, r.Failures = slices.Clone(r.Sources), slices.Clone(r.Failures)
	return r
}

// figures are Reloads while they change.
type figures struct {
	mu sync.Mutex
	Reloads
}

// has notes that there is a source.
func (f *figures) has(source Source) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Sources = append(f.Sources, source)
}

// read notes that what a file holds was taken.
func (f *figures) read(w *watched, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.Sources {
		if f.Sources[i].Path == w.path {
			f.Sources[i].Read = now
		}
	}
}

// failed notes a failure for people to read.
func (f *figures) failed(text string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Failures = slices.Insert(f.Failures, 0, Failure{now, text})
	f.Failures = f.Failures[:min(len(f.Failures), maxFailures)]
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
