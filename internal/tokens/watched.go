package tokens

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/concrete-security/auth-service/internal/regularfile"
)

const (
	lookInterval = 150 * time.Millisecond
	// restlessLimit is how long a file may keep changing before that is logged.
	// It is not read until it stops changing: half of it could pass for the whole.
	restlessLimit = 5 * time.Second
	// replacedLimit is how long a file may keep being replaced before it is read all the
	// same. Each of the files is whole, and among them may be one without a token that
	// was revoked.
	replacedLimit = 3 * lookInterval
)

// watched is a file and what is known of it.
type watched struct {
	setting string // the name of the setting that names the file, or empty
	path    string
	limit   int

	taken      bool              // its present or earlier contents are in force
	last, seen regularfile.State // when it was last read, and last looked at
	due        bool              // it has changed, and stopped changing
	changing   time.Time         // since when it has changed; zero if it is as it was read
	restless   bool              // it was logged that it keeps changing
	writable   string            // what was logged of who can write it
}

// newWatched returns nil for no path.
func newWatched(setting, path string, limit int) *watched {
	if path == "" {
		return nil
	}
	return &watched{setting: setting, path: path, limit: limit}
}

// name is what a sentence calls the file: its setting, or else its path.
func (w *watched) name() string {
	if w.setting == "" {
		return w.path
	}
	return w.setting
}

// prefix names the setting before a text that names the path.
func (w *watched) prefix() string {
	if w.setting == "" {
		return ""
	}
	return w.setting + ": "
}

// read returns the contents, which the caller wipes. A failure names the setting
// and the path.
func (w *watched) read() ([]byte, error) {
	contents, state, err := regularfile.Read(w.path, w.limit)
	w.last, w.seen = state, state
	w.due, w.changing, w.restless = false, time.Time{}, false
	if err != nil {
		return nil, fmt.Errorf("%s%w", w.prefix(), err)
	}
	return contents, nil
}

// look finds out whether the file has changed, and whether two looks in a row
// have found the same state, or files that take each other's place.
func (w *watched) look(now time.Time) {
	state := regularfile.StateOf(w.path)
	rests, replaced := state.Equal(w.seen), state.Replaced(w.seen)
	w.seen = state
	if state.Equal(w.last) {
		w.due, w.changing, w.restless = false, time.Time{}, false
		return
	}
	if w.changing.IsZero() {
		w.changing = now
	}
	w.due = rests || replaced && now.Sub(w.changing) >= replacedLimit
}

// moves reports whether the file has changed and may still be changing.
func (w *watched) moves() bool { return !w.changing.IsZero() && !w.due }

// noteRestless logs, once, that the file keeps changing.
func (w *watched) noteRestless(now time.Time, logger *slog.Logger) {
	if w.moves() && !w.restless && now.Sub(w.changing) >= restlessLimit {
		w.restless = true
		text := w.name() + " keeps changing; it will be read once it stops changing"
		if w.setting != "" {
			text += ": " + w.path
		}
		logger.Warn(text)
	}
}

// noteWritable logs, once, who else can write the file.
func (w *watched) noteWritable(logger *slog.Logger) {
	texts := writableByOthers(w.path)
	before := w.writable
	w.writable = strings.Join(texts, "\n")
	if w.writable == before {
		return
	}
	for _, text := range texts {
		logger.Warn(w.prefix() + text)
	}
}

// fresh reports whether a file was changed so shortly before it was read that it
// may be incomplete.
func (s *Sources) fresh(now time.Time) bool {
	return s.any(func(w *watched) bool {
		age := now.Sub(w.last.Changed())
		return w.last.Exists() && age >= 0 && age <= freshAge
	})
}

// changed reports whether a file has changed since it was read.
func (s *Sources) changed() bool {
	return s.any(func(w *watched) bool { return !regularfile.StateOf(w.path).Equal(w.last) })
}

func (s *Sources) any(is func(*watched) bool) bool {
	return s.tokenFile != nil && is(s.tokenFile) || s.keyring != nil && is(s.keyring)
}

// look looks at all files and reports whether to read them: one is due, and the
// keyring, which is read each time, is not being written.
func (s *Sources) look(now time.Time) (due bool) {
	for _, w := range []*watched{s.tokenFile, s.keyring} {
		if w != nil {
			w.look(now)
			w.noteRestless(now, s.logger)
			due = due || w.due
		}
	}
	s.figures.looked(time.Now())
	return due && (s.keyring == nil || !s.keyring.moves())
}
