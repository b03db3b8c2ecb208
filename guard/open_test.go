package guard_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/guard"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// A lockedBuffer is a log that a test may read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// replace puts a text in the place of a file at once, as an editor or a mounted
// Secret does.
func replace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until is holds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 1000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within ten seconds: %s", what)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyring")
	replace(t, path, tokentest.KeyringLine("ann", aToken))
	var log lockedBuffer
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	g, err := guard.Open(ctx, path, guard.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if err != nil {
		t.Fatal(err)
	}
	reason := func(token string) core.Reason { return g.Check(request("Bearer " + token)).Reason }
	if reason(aToken) != core.Granted || reason(bToken) != core.Unknown {
		t.Errorf("at first: %v, %v", reason(aToken), reason(bToken))
	}

	replace(t, path, tokentest.KeyringLine("bob", bToken))
	eventually(t, "the new token is in force", func() bool { return reason(bToken) == core.Granted })
	if reason(aToken) != core.Unknown {
		t.Errorf("the old token: %v", reason(aToken))
	}

	replace(t, path, "bob\n")
	eventually(t, "the log says that the file is wrong", func() bool {
		return strings.Contains(log.String(), "reload failed; the last good tokens stay in force") && strings.Contains(log.String(), path+":1: ")
	})
	if reason(bToken) != core.Granted {
		t.Errorf("with a wrong file: %v", reason(bToken))
	}

	stop()
	replace(t, path, tokentest.KeyringLine("ann", aToken))
	time.Sleep(time.Second) // more than a reload takes
	if reason(bToken) != core.Granted || reason(aToken) != core.Unknown {
		t.Errorf("after the context is done: %v, %v", reason(bToken), reason(aToken))
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	wrong := filepath.Join(dir, "wrong")
	replace(t, wrong, tokentest.KeyringLine("ann", aToken)+"bob sha256:0\n"+"carl\n")
	if err := os.Chtimes(wrong, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	logger := guard.WithLogger(slog.New(slog.DiscardHandler))
	if g, err := guard.Open(t.Context(), filepath.Join(dir, "missing"), logger); g != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if g, err := guard.Open(t.Context(), "", logger); g != nil || err == nil || !strings.Contains(err.Error(), "path of the keyring file is empty") {
		t.Errorf("no path: %v", err)
	}
	if g, err := guard.Open(t.Context(), dir, logger); g != nil || err == nil {
		t.Errorf("a directory: %v", err)
	}
	g, err := guard.Open(t.Context(), wrong, logger)
	if g != nil || err == nil || !strings.Contains(err.Error(), wrong+":2: ") || !strings.Contains(err.Error(), wrong+":3: ") {
		t.Errorf("wrong lines: %v", err)
	}
	done, stop := context.WithCancel(t.Context())
	stop()
	if g, err := guard.Open(done, wrong, logger); g != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is done: %v", err)
	}
}

// A file without a token is a keyring that lets nobody pass, and the log says so.
func TestOpenEmpty(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyring")
	replace(t, path, "# nobody yet\n")
	var log lockedBuffer
	g, err := guard.Open(t.Context(), path, guard.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if err != nil {
		t.Fatal(err)
	}
	if d := g.Check(request("Bearer " + aToken)); d.Reason != core.Unconfigured {
		t.Error(d.Reason)
	}
	if !strings.Contains(log.String(), "has no entry: every request is refused") {
		t.Errorf("the log: %s", log.String())
	}
	replace(t, path, tokentest.KeyringLine("ann", aToken))
	eventually(t, "the first token is in force", func() bool { return g.Check(request("Bearer " + aToken)).Granted() })
}
