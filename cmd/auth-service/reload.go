package main

import (
	"context"
	"errors"
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
	// settleLimit is how long a file may go on changing before it is read all
	// the same.
	settleLimit = 600 * time.Millisecond
	// retryInterval is how soon a file is read again that could not be, for a
	// reason that may pass without a change of the file: permissions, or a lack
	// of descriptors.
	retryInterval = time.Second
)

// fileState is what tells one version of a file from the next.
type fileState struct {
	exists   bool
	modified time.Time
	size     int64
	info     fs.FileInfo // for os.SameFile
}

func stateOf(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	return fileState{exists: true, modified: info.ModTime(), size: info.Size(), info: info}
}

func (s fileState) equal(other fileState) bool {
	if s.exists != other.exists || !s.exists {
		return s.exists == other.exists
	}
	return s.modified.Equal(other.modified) && s.size == other.size && os.SameFile(s.info, other.info)
}

// settled reports whether the file was left alone for so long that a further
// change would show in its time of modification.
func (s fileState) settled(now time.Time) bool {
	return !s.exists || now.Sub(s.modified) > lookInterval/2 || s.modified.After(now)
}

// watched is a file and what is known of it.
type watched struct {
	path         string
	loaded, seen fileState
	changing     time.Time // since when; zero if it is as loaded
}

// look reports whether the file has changed and come to rest.
func (w *watched) look(now time.Time) bool {
	state := stateOf(w.path)
	unchanged := state.equal(w.seen)
	w.seen = state
	if state.equal(w.loaded) {
		w.changing = time.Time{}
		return false
	}
	if w.changing.IsZero() {
		w.changing = now
	}
	return unchanged && state.settled(now) || now.Sub(w.changing) >= settleLimit
}

// watchedFiles are the files of the sources.
func watchedFiles(s sourceSettings) []*watched {
	var files []*watched
	for _, path := range []string{s.tokenFile, s.keyring} {
		if path != "" {
			files = append(files, &watched{path: path})
		}
	}
	return files
}

// mark takes the file as it is for loaded. It comes before the reading, so that
// a change after it is seen.
func (w *watched) mark() {
	w.loaded = stateOf(w.path)
	w.seen, w.changing = w.loaded, time.Time{}
}

// watch loads the sources anew on a hangup signal and when a file has changed, until
// ctx is done. A load that fails leaves the keyring in force.
func (s *sources) watch(ctx context.Context, hangups <-chan os.Signal, srv *server.Server, logger *slog.Logger) {
	var looks <-chan time.Time
	if len(s.files) > 0 {
		ticker := time.NewTicker(lookInterval)
		defer ticker.Stop()
		looks = ticker.C
	}
	var attempt time.Time
	for {
		due, again := false, false
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			due = true
		case now := <-looks:
			for _, f := range s.files {
				due = f.look(now) || due
			}
			again = !due && s.mayPass && now.Sub(attempt) >= retryInterval
		}
		if due || again {
			attempt = time.Now()
			s.reload(srv, logger, again)
		}
	}
}

// reload loads the sources anew. When it fails again for the same reason, that
// is not logged once more.
func (s *sources) reload(srv *server.Server, logger *slog.Logger, again bool) {
	keyring, err := s.load(logger)
	s.reloads.count(err == nil, time.Now())
	s.mayPass = errors.As(err, new(syscall.Errno))
	if err != nil {
		if !again || err.Error() != s.failure {
			logger.Error("reload failed; the last good tokens stay in force", "error", err.Error())
		}
		s.failure = err.Error()
		return
	}
	describe(logger, "tokens reloaded", keyring)
	srv.SetKeyring(keyring)
}
