// Package logging writes the log: as text or JSON, with the levels' names that the
// settings use, and without ever making a verdict wait.
package logging

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concrete-security/auth-service/internal/censor"
	"github.com/concrete-security/auth-service/internal/setting"
)

// levelCritical is above all that is logged: it silences.
const levelCritical = slog.LevelError + 4

// Level reads the value of the setting called name.
func Level(name, value string) (slog.Level, error) {
	switch strings.ToUpper(strings.TrimSpace(value)) {
	case "DEBUG":
		return slog.LevelDebug, nil
	case "INFO":
		return slog.LevelInfo, nil
	case "WARNING", "WARN":
		return slog.LevelWarn, nil
	case "ERROR":
		return slog.LevelError, nil
	case "CRITICAL":
		return levelCritical, nil
	}
	return 0, setting.Invalid("%s: %q is none of DEBUG, INFO, WARNING, ERROR and CRITICAL", name, value)
}

// New returns a logger of lines from level on, as text or JSON. Its errors and
// messages have passed the censor c, which may be nil.
func New(w io.Writer, level slog.Level, json bool, c *censor.Censor) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if (a.Key == slog.MessageKey || a.Key == "error") && a.Value.Kind() == slog.KindString {
			return slog.String(a.Key, c.Clean(a.Value.String()))
		}
		return spellWarning(groups, a)
	}}
	if json {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// spellWarning writes the level as LOG_LEVEL has it.
func spellWarning(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.LevelKey && a.Value.Any() == slog.LevelWarn {
		return slog.String(slog.LevelKey, "WARNING")
	}
	return a
}

// A LineWriter hands lines to another goroutine, which writes them. It never
// waits: when the reader of the log does not keep up, lines are dropped and
// counted, and verdicts go on.
type LineWriter struct {
	lines   chan []byte
	dropped atomic.Int64
	done    chan struct{}
	close   sync.Once
}

// queuedLines is how many lines may wait to be written.
const queuedLines = 1024

// NewLineWriter returns a LineWriter that writes to to. Call [LineWriter.Flush] at
// the end.
func NewLineWriter(to io.Writer) *LineWriter {
	w := &LineWriter{lines: make(chan []byte, queuedLines), done: make(chan struct{})}
	go w.copyTo(to)
	return w
}

func (w *LineWriter) copyTo(to io.Writer) {
	defer close(w.done)
	for line := range w.lines {
		_, _ = to.Write(line) // there is nowhere to report it
		if dropped := w.dropped.Swap(0); dropped > 0 {
			New(to, slog.LevelWarn, line[0] == '{', nil).
				LogAttrs(context.Background(), slog.LevelWarn, "log lines dropped", slog.Int64("count", dropped))
		}
	}
}

// Write queues a line; it always succeeds.
func (w *LineWriter) Write(line []byte) (int, error) {
	select {
	case w.lines <- append([]byte(nil), line...):
	default:
		w.dropped.Add(1)
	}
	return len(line), nil
}

// Flush writes what is queued, for at most the given time. Nothing may be written
// after it.
func (w *LineWriter) Flush(atMost time.Duration) {
	w.close.Do(func() { close(w.lines) })
	select {
	case <-w.done:
	case <-time.After(atMost):
	}
}
