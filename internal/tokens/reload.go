package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/concrete-security/auth-service/server"
)

// The files are looked at, not watched: a look works the same on every file
// system and through every arrangement of symbolic links, such as the one that
// Kubernetes swaps, and costs a few microseconds.
const (
	lookInterval = 150 * time.Millisecond
	// restlessLimit is how long a file may keep changing before that is logged.
	// It is not read until it stops changing: half of it could pass for the whole.
	restlessLimit = 5 * time.Second
	// retryInterval is how soon a file is read again after a failure that may pass
	// without a change of the file, such as a lack of descriptors.
	retryInterval = time.Second
)

// watched is a file and what is known of it.
type watched struct {
	source string // the variable that names it
	path   string
	limit  int

	taken      bool      // its present or earlier contents are in force
	last, seen fileState // when it was last read, and last looked at
	due        bool      // it has changed, and stopped changing
	changing   time.Time // since when it has changed; zero if it is as it was read
	restless   bool      // it was logged that it keeps changing
}

// newWatched returns nil for no path.
func newWatched(source, path string, limit int) *watched {
	if path == "" {
		return nil
	}
	return &watched{source: source, path: path, limit: limit}
}

// read returns the contents, which the caller wipes. A failure names source
// and path.
func (w *watched) read() ([]byte, error) {
	contents, state, err := readSecret(w.path, w.limit)
	w.last, w.seen = state, state
	w.due, w.changing, w.restless = false, time.Time{}, false
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.source, err)
	}
	return contents, nil
}

// look finds out whether the file has changed, and whether two looks in a row
// have found the same state.
func (w *watched) look(now time.Time) {
	state := stateOf(w.path)
	rests := state.equal(w.seen)
	w.seen = state
	if state.equal(w.last) {
		w.due, w.changing, w.restless = false, time.Time{}, false
		return
	}
	if w.changing.IsZero() {
		w.changing = now
	}
	w.due = rests
}

// moves reports whether the file has changed and may still be changing.
func (w *watched) moves() bool { return !w.changing.IsZero() && !w.due }

// noteRestless logs, once, that the file keeps changing.
func (w *watched) noteRestless(now time.Time, logger *slog.Logger) {
	if w.moves() && !w.restless && now.Sub(w.changing) >= restlessLimit {
		w.restless = true
		logger.Warn(w.source + " keeps changing; it will be read once it stops changing: " + w.path)
	}
}

// fresh reports whether a file was changed so shortly before it was read that it
// may be incomplete.
func (s *sources) fresh(now time.Time) bool {
	return s.any(func(w *watched) bool {
		changed := w.last.modified
		if w.last.changed.After(changed) {
			changed = w.last.changed
		}
		age := now.Sub(changed)
		return w.last.info != nil && age >= 0 && age <= freshAge
	})
}

// changed reports whether a file has changed since it was read.
func (s *sources) changed() bool {
	return s.any(func(w *watched) bool { return !stateOf(w.path).equal(w.last) })
}

func (s *sources) any(is func(*watched) bool) bool {
	return s.tokenFile != nil && is(s.tokenFile) || s.keyring != nil && is(s.keyring)
}

// look looks at all files and reports whether to read them: one is due, and the
// keyring, which is read each time, is not being written.
func (s *sources) look(now time.Time) (due bool) {
	for _, w := range []*watched{s.tokenFile, s.keyring} {
		if w != nil {
			w.look(now)
			w.noteRestless(now, s.logger)
			due = due || w.due
		}
	}
	s.reloads.looked(time.Now())
	return due && (s.keyring == nil || !s.keyring.moves())
}

// watch loads the sources again on a hangup signal and when a file has changed,
// until ctx is done.
func (s *sources) watch(ctx context.Context, hangups <-chan os.Signal, srv *server.Server) {
	var looks <-chan time.Time
	if s.tokenFile != nil || s.keyring != nil {
		ticker := time.NewTicker(lookInterval)
		defer ticker.Stop()
		looks = ticker.C
	}
	r := reloader{sources: s, server: srv, usable: srv.Usable(), tokens: srv.Stats().Tokens}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			r.reload(true, false)
		case now := <-looks:
			switch due := s.look(now); {
			case due:
				r.reload(false, false)
			case r.mayPass && now.Sub(r.attempt) >= retryInterval:
				r.reload(true, true)
			default:
				r.noteExpiry()
			}
		}
	}
}

// reloader puts what the sources hold in force.
type reloader struct {
	sources *sources
	server  *server.Server

	attempt time.Time // the latest
	failure string    // why it failed, or empty
	mayPass bool      // the failure may pass on its own
	usable  bool
	tokens  int
}

// reload reads the sources again: all of them, or those that changed. If a source
// fails, what was last read of it stays in force. If it fails again for the same
// reason, reload does not log that again.
func (r *reloader) reload(all, again bool) {
	now := time.Now()
	l := r.sources.load(all)
	err := l.failure()
	r.attempt = now
	r.sources.reloads.count(err == nil, time.Now())
	r.mayPass = mayPass(l.failures)
	failure := ""
	if err != nil {
		failure = oneLine(err)
	}
	if failure != "" && (!again || failure != r.failure) {
		r.sources.logger.Error("reload failed; the last good tokens stay in force", "error", failure)
	}
	r.failure = failure
	if l.keyring == nil {
		return
	}
	r.server.SetKeyring(l.keyring) // which stays as it is until the next reload
	if err == nil {
		describe(r.sources.logger, "tokens reloaded", l.keyring, now)
	}
	if tokens := l.keyring.Tokens(); tokens < r.tokens {
		r.sources.logger.Warn("there are fewer tokens than before", "before", r.tokens, "now", tokens)
	}
	r.sources.assess(l.keyring, now)
	r.usable, r.tokens = l.keyring.CanGrant(now.Unix()), l.keyring.Tokens()
}

// mayPass reports whether one of the failures comes from the system and may pass
// without a change of the file. A missing file is looked for anyway.
func mayPass(failures []error) bool {
	for _, err := range failures {
		if errors.As(err, new(syscall.Errno)) && !errors.Is(err, fs.ErrNotExist) && !errors.As(err, new(configurationError)) {
			return true
		}
	}
	return false
}

// noteExpiry logs that the last token has expired.
func (r *reloader) noteExpiry() {
	usable := r.server.Usable()
	if r.usable && !usable {
		r.sources.logger.Error("every token has expired: every request is refused")
	}
	r.usable = usable
}
