package tokens

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/plaintext"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestSourcesAreTold: who looks at the figures sees where tokens come from, and when they
// were read.
func TestSourcesAreTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tokenFile, keyring := filepath.Join(dir, "token"), filepath.Join(dir, "keyring")
	tokentest.WriteFile(t, tokenFile, tokentest.Good)
	for name, o := range map[string]Options{
		"a token":          {Token: []byte(tokentest.Good)},
		"a token, unfit":   {Token: []byte("short")},
		"both files":       {TokenFile: tokenFile, Keyring: keyring}, // the keyring does not exist
		"nothing":          {},
		"token and a file": {Token: []byte(tokentest.Good), Keyring: keyring},
	} {
		o.Logger, o.Names, o.MinLength = slog.New(slog.DiscardHandler), testNames, plaintext.MinLength
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []string
		r := s.Reloads()
		for _, source := range r.Sources {
			read := !source.Read.IsZero() && time.Since(source.Read) < time.Minute
			got = append(got, fmt.Sprint(source.Name, " ", filepath.Base(source.Path), " ", read))
		}
		want := map[string]string{
			"a token": "TOKEN . true", "a token, unfit": "TOKEN . false", "both files": "TOKEN_FILE token true, KEYRING keyring false",
			"nothing": "", "token and a file": "TOKEN . true, KEYRING keyring false",
		}[name]
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		missing := 0
		if o.Keyring != "" {
			missing = 1
		}
		if len(r.Failures) != missing || missing > 0 && !strings.Contains(r.Failures[0].Text, keyring) {
			t.Errorf("%s: %+v", name, r.Failures)
		}
	}
}

// TestFailuresAreTold: the last five, the newest first, each once.
func TestFailuresAreTold(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.Keyring(1))
	s, err := Open(Options{Keyring: path, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := reloader{Sources: s, use: func(*core.Keyring) {}}
	for i := range 7 {
		tokentest.WriteFile(t, path, strings.Repeat("\n", i)+"nonsense\n")
		before := time.Now()
		r.reload(true, false)
		r.reload(true, true) // the same again
		if newest := s.Reloads().Failures[0]; newest.At.Before(before) || !strings.Contains(newest.Text, fmt.Sprintf("%s:%d: ", path, i+1)) {
			t.Errorf("failure %d: %+v", i, newest)
		}
	}
	got := s.Reloads()
	if len(got.Failures) != maxFailures || !strings.Contains(got.Failures[maxFailures-1].Text, ":3: ") || got.Failed != 14 {
		t.Errorf("%+v", got)
	}
	if read := got.Sources[0].Read; read.IsZero() || got.Failures[4].At.Before(read) {
		t.Errorf("read at %v", read)
	}
	got.Failures[0].Text = "it is a copy"
	if s.Reloads().Failures[0].Text == got.Failures[0].Text {
		t.Error("it is not")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	r.reload(true, false)
	if text := s.Reloads().Failures[0].Text; !strings.Contains(text, path) || strings.Contains(text, ":7: ") {
		t.Error(text)
	}
}
