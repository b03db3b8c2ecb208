package tokens

import (
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/plaintext"
	"github.com/concrete-security/auth-service/internal/setting"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// loadFiles loads sources in this process, as a start does.
func loadFiles(t *testing.T, o Options) (loading, string) {
	t.Helper()
	var log strings.Builder
	o.MinLength, o.Names = plaintext.MinLength, testNames
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	l := s.load(true)
	return l, log.String()
}

var testNames = Names{Token: "TOKEN", TokenFile: "TOKEN_FILE", Keyring: "KEYRING"}

// TestKeyringVectorsAsFiles: a keyring file is accepted or refused as the vectors
// say, and each wrong line is reported with path and number.
func TestKeyringVectorsAsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, v := range vectors.Keyrings() {
		path := tokentest.WriteFile(t, filepath.Join(dir, fmt.Sprint(i)), string(v.Text))
		l, log := loadFiles(t, Options{Keyring: path})
		if len(v.FileErrors) == 0 {
			if err := l.failure(); err != nil || l.keyring.Tokens() != len(v.Entries) {
				t.Errorf("%s: %v, %d tokens", v.Name, err, l.keyring.Tokens())
			}
			continue
		}
		if l.fatal() == nil || l.keyring.Usable() {
			t.Errorf("%s: it is taken", v.Name)
			continue
		}
		lines := strings.Split(l.failure().Error(), "\n")
		if len(lines) != len(v.FileErrors) {
			t.Errorf("%s: %q", v.Name, lines)
			continue
		}
		for j, want := range v.FileErrors {
			prefix := fmt.Sprintf("KEYRING: %s:%d: ", path, want.Line)
			if !strings.HasPrefix(lines[j], prefix) || !strings.Contains(lines[j], want.Contains) {
				t.Errorf("%s: %q, want %s%s", v.Name, lines[j], prefix, want.Contains)
			}
		}
		if v.Secret != nil && strings.Contains(l.failure().Error()+log, string(v.Secret)) {
			t.Errorf("%s: the secret is told", v.Name)
		}
	}
}

// TestStartClassifiesFailures: some failures may pass, some may not, and some
// count as if the setting were not set.
func TestStartClassifiesFailures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := tokentest.WriteFile(t, filepath.Join(dir, "keyring"), tokentest.Keyring(1))
	missing := filepath.Join(dir, "missing")
	short := tokentest.WriteFile(t, filepath.Join(dir, "short"), "short\n")
	token := tokentest.WriteFile(t, filepath.Join(dir, "token"), tokentest.Good+"\n")
	for name, c := range map[string]struct {
		settings Options
		fatal    bool
		missing  bool
		tokens   int
	}{
		"both":                         {Options{TokenFile: token, Keyring: good}, false, false, 2},
		"no token file":                {Options{TokenFile: missing, Keyring: good}, false, true, 1},
		"no keyring":                   {Options{TokenFile: token, Keyring: missing}, false, true, 1},
		"neither":                      {Options{TokenFile: missing, Keyring: missing}, false, true, 0},
		"short token":                  {Options{TokenFile: short, Keyring: good}, false, false, 1},
		"short token, no keyring":      {Options{TokenFile: short, Keyring: missing}, false, true, 0},
		"directory":                    {Options{TokenFile: token, Keyring: dir}, true, false, 1},
		"directory for the token file": {Options{TokenFile: dir, Keyring: good}, true, false, 1},
		"keyring is the token file":    {Options{TokenFile: token, Keyring: token}, true, false, 1},
	} {
		l, _ := loadFiles(t, c.settings)
		if (l.fatal() != nil) != c.fatal || (l.missing() != nil) != c.missing {
			t.Errorf("%s: fatal %v, missing %v", name, l.fatal(), l.missing())
		}
		if l.keyring.Tokens() != c.tokens {
			t.Errorf("%s: %d tokens, want %d", name, l.keyring.Tokens(), c.tokens)
		}
	}
	for name, c := range map[string]struct {
		err           error
		configuration bool
	}{
		"permission":  {&fs.PathError{Op: "open", Path: good, Err: syscall.EACCES}, false},
		"descriptors": {&fs.PathError{Op: "open", Path: good, Err: syscall.EMFILE}, false},
	} {
		if setting.Lasts(c.err) != c.configuration || !mayPass([]error{c.err}) {
			t.Errorf("%s: taken for what does not pass", name)
		}
	}
}

// TestOneFileBroken: what was last read of a broken file stays in force, and the
// other file is still read where possible.
func TestOneFileBroken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	settings := Options{
		TokenFile: tokentest.WriteFile(t, filepath.Join(dir, "token"), tokentest.Good), Keyring: tokentest.WriteFile(t, filepath.Join(dir, "keyring"), tokentest.Keyring(1)),
		MinLength: plaintext.MinLength, Logger: slog.New(slog.DiscardHandler),
	}
	s, err := Open(settings)
	if err != nil {
		t.Fatal(err)
	}
	granted := func(l loading, token string) bool {
		return l.keyring.Authorize(&core.Request{Authorization: []byte("Bearer " + token), AuthorizationCount: 1}).Granted()
	}
	if l := s.load(true); l.failure() != nil || !granted(l, tokentest.Good) || !granted(l, tokentest.Token(1)) {
		t.Fatalf("%v", l.failure())
	}
	// A token file that is broken does not hold back the keyring.
	tokentest.WriteFile(t, settings.TokenFile, "short")
	tokentest.WriteFile(t, settings.Keyring, tokentest.Keyring(2))
	l := s.load(true)
	if l.failure() == nil || !granted(l, tokentest.Good) || granted(l, tokentest.Token(1)) || !granted(l, tokentest.Token(2)) {
		t.Errorf("a broken token file: %v", l.failure())
	}
	// It is still broken when the keyring alone is read again.
	if l = s.load(false); l.failure() == nil || !granted(l, tokentest.Good) {
		t.Errorf("the keyring alone: %v", l.failure())
	}
	// A keyring that is broken leaves everything as it is.
	tokentest.WriteFile(t, settings.TokenFile, tokentest.Good+"\r\n")
	tokentest.WriteFile(t, settings.Keyring, "nonsense")
	if l = s.load(true); l.failure() == nil || l.keyring != nil {
		t.Errorf("a broken Keyring: %v", l.failure())
	}
}
