package logging

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/censor"
	"github.com/concrete-security/auth-service/internal/setting"
)

func TestLevel(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]slog.Level{
		"DEBUG": slog.LevelDebug, "info": slog.LevelInfo, " Warning ": slog.LevelWarn, "WARN": slog.LevelWarn,
		"ERROR": slog.LevelError, "critical": levelCritical,
	} {
		if got, err := Level("LOG_LEVEL", value); err != nil || got != want {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	}
	if _, err := Level("--log-level", "LOUD"); !setting.Lasts(err) || !strings.HasPrefix(err.Error(), `--log-level: "LOUD" is none of DEBUG`) {
		t.Errorf("%v", err)
	}
}

// TestNew: lines below the level are left out, the level is spelled as in the
// settings, and what looks like a token is not shown.
func TestNew(t *testing.T) {
	t.Parallel()
	token := strings.Repeat("x", 40)
	for format, want := range map[Format]string{
		Text: `level=WARNING msg="open ` + censor.NotShown + `" error="` + censor.NotShown + `" user=` + token,
		JSON: `"level":"WARNING","msg":"open ` + censor.NotShown + `","error":"` + censor.NotShown + `","user":"` + token + `"`,
	} {
		var out strings.Builder
		l := New(&out, slog.LevelWarn, format, censor.New(nil))
		l.Info("not this")
		l.Warn("open "+token, "error", token, "user", token) // a principal is not a message
		if got := out.String(); !strings.Contains(got, want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// blocked is a writer that waits for each line to be read.
type blocked chan string

func (b blocked) Write(line []byte) (int, error) {
	b <- string(line)
	return len(line), nil
}

// TestLineWriterDropsLines: it never waits for the reader, and says how many lines
// are missing.
func TestLineWriterDropsLines(t *testing.T) {
	t.Parallel()
	to := make(blocked)
	w := NewLineWriter(to, Text)
	const lines = queuedLines + 101 // one of them is being written
	for range lines {
		if _, err := w.Write([]byte("a line\n")); err != nil {
			t.Fatal(err)
		}
		if len(w.lines) == 1 {
			time.Sleep(time.Millisecond) // so that the first is taken
		}
	}
	begun := time.Now()
	w.Flush(20 * time.Millisecond)
	if time.Since(begun) > 10*time.Second {
		t.Error("Flush waits for a reader that does not read")
	}
	written, dropped := 0, ""
	for dropped == "" {
		if line := <-to; line == "a line\n" {
			written++
		} else {
			dropped = line
		}
	}
	if !strings.Contains(dropped, "level=WARNING msg=\"log lines dropped\" count=") {
		t.Errorf("%q after %d lines", dropped, written)
	}
	go func() {
		for range to {
			written++
		}
	}()
	select {
	case <-w.done:
	case <-time.After(10 * time.Second):
		t.Error("it does not write the rest")
	}
}

// TestLineWriterAfterFlush: a goroutine that has not ended yet may write. Its line is lost,
// and nothing else happens.
func TestLineWriterAfterFlush(t *testing.T) {
	t.Parallel()
	to := make(blocked)
	w := NewLineWriter(to, Text)
	for range 2 {
		if _, err := w.Write([]byte("a line\n")); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush(0) // nobody reads
	if _, err := w.Write([]byte("too late\n")); err != nil {
		t.Error(err)
	}
	for range 2 {
		if line := <-to; line != "a line\n" {
			t.Errorf("%q", line)
		}
	}
	go func() {
		for range to {
			continue // it may write the last line
		}
	}()
	select {
	case <-w.done:
	case <-time.After(10 * time.Second):
		t.Error("it does not end")
	}
	if _, err := w.Write([]byte("after the end\n")); err != nil {
		t.Error(err)
	}
}
