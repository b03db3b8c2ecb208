package logging

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
)

// TestJournal: the priority is in front of a line, and its time is left out.
func TestJournal(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]string{
		slog.LevelDebug: "<7>level=DEBUG", slog.LevelInfo: "<6>level=INFO", slog.LevelWarn: "<4>level=WARNING",
		slog.LevelError: "<3>level=ERROR", levelCritical: "<2>level=ERROR+4",
	} {
		var out strings.Builder
		New(&out, slog.LevelDebug, Journal, nil).Log(context.Background(), level, "a message\nof two lines", "time", "is an attribute")
		if got, want := out.String(), want+` msg="a message\nof two lines" time="is an attribute"`+"\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestToJournal: only the very file that the variable names is the journal.
func TestToJournal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if ToJournal(f) {
		t.Error("without the variable, a file is the journal")
	}
	t.Setenv("JOURNAL_STREAM", "1:2")
	if ToJournal(f) || ToJournal(new(strings.Builder)) {
		t.Error("another file is the journal")
	}
}
