package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/plaintext"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// awaitRotation waits until old is denied and renewed accepted, which must take
// no longer than a second, and some patience for a busy machine.
func (s *service) awaitRotation(t *testing.T, old, renewed string) {
	t.Helper()
	begun := time.Now()
	for {
		if s.status(t, old) == 401 && s.status(t, renewed) == 200 {
			t.Logf("in force after %v", time.Since(begun).Round(time.Millisecond))
			return
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("not in force after %v: %s", time.Since(begun), s.log)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestReload changes the keyring in every way that files are changed, while a
// client that is never to be denied keeps asking.
func TestReload(t *testing.T) {
	t.Parallel()
	type change func(t *testing.T, s *service, path, text string)
	for name, apply := range map[string]change{
		"write": func(t *testing.T, _ *service, path, text string) { tokentest.WriteFile(t, path, text) },
		"rename": func(t *testing.T, _ *service, path, text string) {
			tokentest.Rename(t, tokentest.WriteFile(t, path+".new", text), path)
		},
		"delete and create": func(t *testing.T, _ *service, path, text string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			time.Sleep(300 * time.Millisecond)
			tokentest.WriteFile(t, path, text)
		},
		"times put back": func(t *testing.T, _ *service, path, text string) { // cp -p, rsync --inplace
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			tokentest.WriteFile(t, path, text)
			if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		},
		"half written": func(t *testing.T, _ *service, path, text string) {
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for i := range len(text) {
				if i%40 == 0 {
					time.Sleep(20 * time.Millisecond)
				}
				_, _ = f.WriteString(text[i : i+1])
			}
		},
		"hangup": func(t *testing.T, s *service, path, text string) {
			tokentest.WriteFile(t, path, text)
			if err := s.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		},
		"symbolic link": func(t *testing.T, _ *service, path, text string) { // as Kubernetes does
			dir := filepath.Dir(path)
			version, err := os.MkdirTemp(dir, "..version")
			if err != nil {
				t.Fatal(err)
			}
			tokentest.WriteFile(t, filepath.Join(version, "keyring"), text)
			link := filepath.Join(dir, "..data_tmp")
			if err := os.Symlink(filepath.Base(version), link); err != nil {
				t.Fatal(err)
			}
			tokentest.Rename(t, link, filepath.Join(dir, "..data"))
			if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink == 0 {
				_ = os.Remove(path)
				if err := os.Symlink(filepath.Join("..data", "keyring"), path); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const always = 0
			path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.Keyring(always, 1))
			s := startService(t, "AUTH_SERVICE_KEYRING="+path)
			var stop atomic.Bool
			var client sync.WaitGroup
			client.Go(func() {
				for !stop.Load() {
					if got := s.status(t, tokentest.Token(always)); got != 200 {
						t.Errorf("a token that was never removed got %d", got)
						return
					}
				}
			})
			for n := 2; n < 5; n++ {
				apply(t, s, path, tokentest.Keyring(always, n))
				s.awaitRotation(t, tokentest.Token(n-1), tokentest.Token(n))
			}
			stop.Store(true)
			client.Wait()
		})
	}
}

func TestBrokenReloadKeepsTheLastGoodKeyring(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.Keyring(1))
	s := startService(t, "AUTH_SERVICE_KEYRING="+path)
	tokentest.WriteFile(t, path, tokentest.Keyring(2)+"ci sha256:nonsense\n")
	s.await(t, path+":2: ")
	s.await(t, "level=ERROR")
	if old, renewed := s.status(t, tokentest.Token(1)), s.status(t, tokentest.Token(2)); old != 200 || renewed != 401 {
		t.Errorf("the old token got %d, the one of the broken file %d", old, renewed)
	}
	tokentest.WriteFile(t, path, tokentest.Keyring(2))
	s.awaitRotation(t, tokentest.Token(1), tokentest.Token(2))
}

func TestReloadOfTheTokenFile(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "token"), tokentest.Token(1)+"\n")
	s := startService(t, "AUTH_SERVICE_TOKEN_FILE="+path)
	tokentest.WriteFile(t, path, tokentest.Token(2)+"\n")
	s.awaitRotation(t, tokentest.Token(1), tokentest.Token(2))
}

// TestReloadKeepsTheVariablesToken: the process has forgotten it, and knows it
// all the same.
func TestReloadKeepsTheVariablesToken(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.Keyring(1))
	s := startService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good, "AUTH_SERVICE_KEYRING="+path)
	tokentest.WriteFile(t, path, tokentest.Keyring(2))
	s.awaitRotation(t, tokentest.Token(1), tokentest.Token(2))
	if got := s.ask(t, "/auth?scope=anything", http.Header{"Authorization": {"Bearer " + tokentest.Good}}); got != 200 {
		t.Errorf("status %d", got)
	}
}

// TestUnusableTokenFile: what was last read stays in force, and the failure is
// counted, even if the file is gone.
func TestUnusableTokenFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"empty":      {"", "AUTH_SERVICE_TOKEN_FILE is empty"},
		"short":      {"short\n", "AUTH_SERVICE_TOKEN_FILE is too short"},
		"two ends":   {tokentest.Token(2) + "\n\n", "AUTH_SERVICE_TOKEN_FILE ends with a line break"},
		"two lines":  {tokentest.Token(2) + "\n" + tokentest.Keyring(2), "AUTH_SERVICE_TOKEN_FILE has more than one line"},
		"mark":       {"\xef\xbb\xbf" + tokentest.Token(2), "AUTH_SERVICE_TOKEN_FILE begins with a byte order mark"},
		"whitespace": {tokentest.Token(2) + " \n", "AUTH_SERVICE_TOKEN_FILE has whitespace around it"},
		"huge":       {strings.Repeat("x", plaintext.MaxFile+1), "at most 65536 are read"},
		"gone":       {"remove", "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "token"), tokentest.Token(1)+"\n")
			s, admin := startAdmin(t, "AUTH_SERVICE_TOKEN_FILE="+path)
			if c.text == "remove" {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else {
				tokentest.WriteFile(t, path, c.text)
			}
			s.await(t, c.want)
			s.await(t, "level=ERROR msg=\"reload failed")
			if got := s.status(t, tokentest.Token(1)); got != 200 {
				t.Errorf("the last good token: status %d", got)
			}
			values := scrape(t, admin)
			if values["auth_service_reloads_total result=failure"] != 1 || values["auth_service_last_reload_successful"] != 0 || values["auth_service_usable"] != 1 {
				t.Errorf("%v", values)
			}
			tokentest.WriteFile(t, path, tokentest.Token(2)+"\r\n")
			s.awaitRotation(t, tokentest.Token(1), tokentest.Token(2))
		})
	}
}
