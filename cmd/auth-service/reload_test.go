package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
)

func testTokenNumber(n int) string {
	return fmt.Sprintf("reload-token-number-%04d-0123456789abcdef", n)
}

func keyringWith(numbers ...int) string {
	var b strings.Builder
	for _, n := range numbers {
		e := core.Entry{Principal: "p", Credential: core.CredentialOf([]byte(testTokenNumber(n))), Expires: core.Never}
		b.WriteString(e.String() + "\n")
	}
	return b.String()
}

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

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestReload changes the keyring in every way that files are changed, while a
// client that is never to be denied keeps asking.
func TestReload(t *testing.T) {
	t.Parallel()
	type change func(t *testing.T, s *service, path, text string)
	for name, apply := range map[string]change{
		"write": func(t *testing.T, _ *service, path, text string) { writeFile(t, path, text) },
		"rename": func(t *testing.T, _ *service, path, text string) {
			rename(t, writeFile(t, path+".new", text), path)
		},
		"delete and create": func(t *testing.T, _ *service, path, text string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			time.Sleep(300 * time.Millisecond)
			writeFile(t, path, text)
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
			writeFile(t, path, text)
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
			writeFile(t, filepath.Join(version, "keyring"), text)
			link := filepath.Join(dir, "..data_tmp")
			if err := os.Symlink(filepath.Base(version), link); err != nil {
				t.Fatal(err)
			}
			rename(t, link, filepath.Join(dir, "..data"))
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
			path := writeFile(t, filepath.Join(t.TempDir(), "keyring"), keyringWith(always, 1))
			s := startService(t, "AUTH_SERVICE_KEYRING="+path)
			var stop atomic.Bool
			var client sync.WaitGroup
			client.Go(func() {
				for !stop.Load() {
					if got := s.status(t, testTokenNumber(always)); got != 200 {
						t.Errorf("a token that was never removed got %d", got)
						return
					}
				}
			})
			for n := 2; n < 5; n++ {
				apply(t, s, path, keyringWith(always, n))
				s.awaitRotation(t, testTokenNumber(n-1), testTokenNumber(n))
			}
			stop.Store(true)
			client.Wait()
		})
	}
}

func TestBrokenReloadKeepsTheLastGoodKeyring(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "keyring"), keyringWith(1))
	s := startService(t, "AUTH_SERVICE_KEYRING="+path)
	writeFile(t, path, keyringWith(2)+"ci sha256:nonsense\n")
	s.await(t, path+":2: ")
	s.await(t, "level=ERROR")
	if old, renewed := s.status(t, testTokenNumber(1)), s.status(t, testTokenNumber(2)); old != 200 || renewed != 401 {
		t.Errorf("the old token got %d, the one of the broken file %d", old, renewed)
	}
	writeFile(t, path, keyringWith(2))
	s.awaitRotation(t, testTokenNumber(1), testTokenNumber(2))
}

func TestReloadOfTheTokenFile(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "token"), testTokenNumber(1)+"\n")
	s := startService(t, "AUTH_SERVICE_TOKEN_FILE="+path)
	writeFile(t, path, testTokenNumber(2)+"\n")
	s.awaitRotation(t, testTokenNumber(1), testTokenNumber(2))
}

// TestReloadKeepsTheVariablesToken: the process has forgotten it, and knows it
// all the same.
func TestReloadKeepsTheVariablesToken(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "keyring"), keyringWith(1))
	s := startService(t, "AUTH_SERVICE_TOKEN="+goodToken, "AUTH_SERVICE_KEYRING="+path)
	writeFile(t, path, keyringWith(2))
	s.awaitRotation(t, testTokenNumber(1), testTokenNumber(2))
	if got := s.ask(t, "/auth?scope=anything", http.Header{"Authorization": {"Bearer " + goodToken}}); got != 200 {
		t.Errorf("status %d", got)
	}
}
