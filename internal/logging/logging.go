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

// A Format is how lines are written.
type Format uint8

const (
	// Text is key=value pairs.
	Text Format = iota
	// JSON is one object a line.
	JSON
	// Journal is Text for systemd's journal, which notes the time itself: without it, and
	// with the priority in front (sd-daemon(3)).
	Journal
)

// New returns a logger of lines from level on. Its errors and messages have passed the
// censor c, which may be nil.
func New(w io.Writer, level slog.Level, format Format, c *censor.Censor) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		switch {
		case (a.Key == slog.MessageKey || a.Key == "error") && a.Value.Kind() == slog.KindString:
			return slog.String(a.Key, c.Clean(a.Value.String()))
		case len(groups) > 0:
			return a
		case a.Key == slog.LevelKey && a.Value.Any() == slog.LevelWarn: // as LOG_LEVEL has it
			return slog.String(slog.LevelKey, "WARNING")
		case a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime && format == Journal:
			return slog.Attr{}
		}
		return a
	}}
	switch format {
	case JSON:
		return slog.New(slog.NewJSONHandler(w, options))
	case Journal:
		return slog.New(slog.NewTextHandler(journal{w}, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// A LineWriter hands lines to another goroutine, which writes them. It never
// waits: when the reader of the log does not keep up, lines are dropped and
// counted, and verdicts go on.
type LineWriter struct {
	format      Format
	lines       chan []byte
	dropped     atomic.Int64
	flush, done chan struct{}
	once        sync.Once
}

// queuedLines is how many lines may wait to be written.
const queuedLines = 1024

// NewLineWriter returns a LineWriter that writes lines of a format to to. Call
// [LineWriter.Flush] at the end.
func NewLineWriter(to io.Writer, format Format) *LineWriter {
	w := &LineWriter{format: format, lines: make(chan []byte, queuedLines), flush: make(chan struct{}), done: make(chan struct{})}
	go w.copyTo(to)
	return w
}

func (w *LineWriter) copyTo(to io.Writer) {
	defer close(w.done)
	for {
		select {
		case line := <-w.lines:
			w.copyLine(to, line)
			continue
		case <-w.flush:
		}
		select {
		case line := <-w.lines:
			w.copyLine(to, line)
		default:
			return
		}
	}
}

func (w *LineWriter) copyLine(to io.Writer, line []byte) {
	_, _ = to.Write(line) // there is nowhere to report it
	if dropped := w.dropped.Swap(0); dropped > 0 {
		New(to, slog.LevelWarn, w.format, nil).
			LogAttrs(context.Background(), slog.LevelWarn, "log lines dropped", slog.Int64("count", dropped))
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

// Flush writes what is queued, for at most the given time. What a goroutine that is still
// at work writes after it may be lost.
func (w *LineWriter) Flush(atMost time.Duration) {
	w.once.Do(func() { close(w.flush) })
	select {
	case <-w.done:
	case <-time.After(atMost):
	}
}
