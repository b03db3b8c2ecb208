package tokens

import (
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

func granted(k *core.Keyring, token string) bool {
	return k.Authorize(&core.Request{Authorization: []byte("Bearer " + token), AuthorizationCount: 1, Now: time.Now().Unix()}).Granted()
}

// TestKeyringAlone: a program that has only a keyring file needs no names, no
// logger and no signals.
func TestKeyringAlone(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.Keyring(1))
	s, err := Open(Options{Keyring: path, MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	k, err := s.Load(t.Context())
	if err != nil || !granted(k, tokentest.Token(1)) {
		t.Fatal(err)
	}
	renewed := make(chan *core.Keyring, 1)
	go s.Watch(t.Context(), nil, func(k *core.Keyring) { renewed <- k })
	tokentest.Rename(t, tokentest.WriteFile(t, path+".new", tokentest.Keyring(2)), path)
	select {
	case k := <-renewed:
		if granted(k, tokentest.Token(1)) || !granted(k, tokentest.Token(2)) {
			t.Error("it is not the new keyring")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no new keyring")
	}
	if r := s.Reloads(); r.Succeeded != 1 || r.Failed != 0 || !r.LastSucceeded || r.LastLook.IsZero() {
		t.Errorf("%+v", r)
	}
}

// TestKeyringThatKeepsBeingReplaced: commands that edit the keyring one after the other
// do not hold back the change of one of them.
func TestKeyringThatKeepsBeingReplaced(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.Keyring(1))
	s, err := Open(Options{Keyring: path, MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	renewed := make(chan *core.Keyring, 1)
	go s.Watch(t.Context(), nil, func(k *core.Keyring) {
		select {
		case renewed <- k:
		default:
		}
	})
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		tokentest.Rename(t, tokentest.WriteFile(t, path+".new", tokentest.Keyring(2)), path)
		select {
		case k := <-renewed:
			if granted(k, tokentest.Token(1)) || !granted(k, tokentest.Token(2)) {
				t.Error("it is not the new keyring")
			}
			return
		default:
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatal("no new keyring")
		}
	}
}

// TestNames: an error names the setting if it has a name, and the path in either
// case.
func TestNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	broken := tokentest.WriteFile(t, filepath.Join(dir, "broken"), "nonsense\n")
	for path, text := range map[string]string{missing: ": no such file", broken: broken + ":1: "} {
		for name, want := range map[string]string{"": "", "KEYRING": "KEYRING: "} {
			s, err := Open(Options{Keyring: path, MustExist: true, Names: Names{Keyring: name}, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Load(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s, called %q: %v, want %q", path, name, err, want+text)
			}
			if errors.Is(err, fs.ErrNotExist) != (path == missing) {
				t.Errorf("%v", err)
			}
		}
	}
}
