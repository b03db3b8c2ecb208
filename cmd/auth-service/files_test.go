package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestFileThatKeepsChanging: a file is not read until it stops changing. Its first
// piece could pass for a token, or lack the expiry of a line.
func TestFileThatKeepsChanging(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	token := tokentest.WriteFile(t, filepath.Join(dir, "token"), tokentest.Token(1))
	keyring := tokentest.WriteFile(t, filepath.Join(dir, "keyring"), tokentest.Keyring(2))
	s := startService(t, "AUTH_SERVICE_TOKEN_FILE="+token, "AUTH_SERVICE_KEYRING="+keyring)
	// If the machine pauses the test, the file does stop changing.
	const pause = 80 * time.Millisecond
	text, longest := tokentest.Token(3), time.Duration(0)
	for begun, last := time.Now(), time.Now(); time.Since(begun) < 2*time.Second; time.Sleep(10 * time.Millisecond) {
		tokentest.WriteFile(t, token, text)
		longest = max(longest, time.Since(last))
		last = time.Now()
		if got := s.status(t, text); got != 401 && longest < pause {
			t.Fatalf("a piece of the token got %d", got)
		}
		text += "x"
	}
	if longest >= pause {
		t.Logf("this machine paused the test for %v, so that it shows less", longest)
	}
	// It holds back no keyring.
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				_ = os.WriteFile(token, []byte(tokentest.Token(3)+strings.Repeat("y", time.Now().Nanosecond()%1000)), 0o600)
			}
		}
	})
	tokentest.WriteFile(t, keyring, tokentest.Keyring(4))
	s.awaitRotation(t, tokentest.Token(2), tokentest.Token(4))
	s.await(t, "keeps changing; it will be read once it stops changing")
	close(stop)
	writer.Wait()
	tokentest.WriteFile(t, token, tokentest.Token(5)+"\n")
	s.awaitStatus(t, tokentest.Token(5), 200)
}

// TestCutKeyring: the last line may lack its expiry.
func TestCutKeyring(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.Keyring(1))
	s := startService(t, "AUTH_SERVICE_KEYRING="+path)
	whole := strings.Replace(tokentest.Keyring(2), "\n", " expires=2020-01-01T00:00:00Z\n", 1)
	before, after, _ := strings.Cut(whole, " expires=")
	tokentest.WriteFile(t, path, before)
	s.await(t, path+":1: the last line has no line end")
	if got := s.status(t, tokentest.Token(2)); got != 401 {
		t.Errorf("a token whose expiry is not written yet: status %d", got)
	}
	tokentest.WriteFile(t, path, before+" expires="+after)
	s.await(t, "level=ERROR msg=\"every token has expired")
	for n := 1; n < 3; n++ {
		if got := s.status(t, tokentest.Token(n)); got != 401 {
			t.Errorf("token %d: status %d", n, got)
		}
	}
}

// TestEmptiedKeyring: revoking everything works, and is not done in silence.
func TestEmptiedKeyring(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.Keyring(1, 2, 3))
	s, admin := startAdmin(t, "AUTH_SERVICE_KEYRING="+path)
	tokentest.WriteFile(t, path, tokentest.Keyring(1))
	s.await(t, "level=WARNING msg=\"there are fewer tokens than before\" before=3 now=1")
	tokentest.WriteFile(t, path, "")
	s.await(t, "level=ERROR msg=\"AUTH_SERVICE_KEYRING has no entry: every request is refused\"")
	if got := s.status(t, tokentest.Token(1)); got != 500 {
		t.Errorf("status %d", got)
	}
	if values := scrape(t, admin); values["auth_service_usable"] != 0 || values["auth_service_last_reload_successful"] != 1 {
		t.Errorf("%v", values)
	}
	if status, _ := get(t, http.DefaultClient, "http://"+admin+"/ready", ""); status != 503 {
		t.Errorf("/ready: %d", status)
	}
}

// TestReadyFollowsTheClock: once the last token has expired, the service is not
// ready, whether it was running or starts then.
func TestReadyFollowsTheClock(t *testing.T) {
	t.Parallel()
	expiry := time.Now().Add(3 * time.Second).Truncate(time.Second)
	entry := core.Entry{Principal: "ci", Credential: core.CredentialOf([]byte(tokentest.Good)), Expires: expiry.Unix()}
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.EntryLine(entry))
	s, admin := startAdmin(t, "AUTH_SERVICE_KEYRING="+path)
	ready := func(admin string) int {
		status, _ := get(t, http.DefaultClient, "http://"+admin+"/ready", "")
		return status
	}
	if got := ready(admin); got != 200 && time.Now().Before(expiry) {
		t.Errorf("before the expiry: %d", got)
	}
	s.await(t, "level=ERROR msg=\"every token has expired")
	if time.Now().Before(expiry) {
		t.Error("it is logged too early")
	}
	if got := ready(admin); got != 503 {
		t.Errorf("after the expiry: %d", got)
	}
	if values := scrape(t, admin); values["auth_service_usable"] != 0 || values["auth_service_tokens"] != 1 || values["auth_service_tokens_usable"] != 0 {
		t.Errorf("%v", values)
	}
	if got := s.status(t, tokentest.Good); got != 401 {
		t.Errorf("the expired token: status %d", got)
	}
	again, admin := startAdmin(t, "AUTH_SERVICE_KEYRING="+path)
	again.await(t, "level=ERROR msg=\"every token has expired")
	if got := ready(admin); got != 503 {
		t.Errorf("after a start: %d", got)
	}
}

// TestFilesThatComeLater: the service waits for both files, whose directory does
// not exist either, and reads each when it appears.
func TestFilesThatComeLater(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "later")
	token, keyring := filepath.Join(dir, "token"), filepath.Join(dir, "keyring")
	s, admin := startAdmin(t, "AUTH_SERVICE_TOKEN_FILE="+token, "AUTH_SERVICE_KEYRING="+keyring)
	s.await(t, "started")
	if got := s.status(t, tokentest.Token(1)); got != 500 {
		t.Errorf("status %d", got)
	}
	if values := scrape(t, admin); values["auth_service_usable"] != 0 || values["auth_service_last_reload_successful"] != 0 {
		t.Errorf("%v", values)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	tokentest.WriteFile(t, keyring, tokentest.Keyring(2))
	s.awaitStatus(t, tokentest.Token(2), 200)
	tokentest.WriteFile(t, token, "too short")
	s.await(t, "AUTH_SERVICE_TOKEN_FILE is too short")
	tokentest.WriteFile(t, token, tokentest.Token(1)+"\n")
	s.awaitStatus(t, tokentest.Token(1), 200)
	values := scrape(t, admin)
	if values["auth_service_usable"] != 1 || values["auth_service_last_reload_successful"] != 1 {
		t.Errorf("%v", values)
	}
	// It keeps looking, and reports when it last did.
	last := values["auth_service_last_look_timestamp_seconds"]
	for begun := time.Now(); scrape(t, admin)["auth_service_last_look_timestamp_seconds"] <= last; {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("the last look is still that of %v", last)
		}
	}
}

func (s *service) awaitStatus(t *testing.T, token string, want int) {
	t.Helper()
	for begun := time.Now(); s.status(t, token) != want; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("it does not get %d: %s", want, s.log)
		}
	}
}

// TestTokenInBothPlaces: the keyring's line decides, and once it is removed, the
// variable does.
func TestTokenInBothPlaces(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), strings.ReplaceAll(tokentest.Keyring(1, 2), "\n", " expires=2020-01-01\n"))
	s := startService(t, "AUTH_SERVICE_TOKEN="+tokentest.Token(1), "AUTH_SERVICE_KEYRING="+path)
	s.await(t, "AUTH_SERVICE_TOKEN holds a token that is in AUTH_SERVICE_KEYRING too")
	if got := s.status(t, tokentest.Token(1)); got != 401 {
		t.Errorf("expired in the keyring: status %d", got)
	}
	tokentest.WriteFile(t, path, strings.ReplaceAll(tokentest.Keyring(1, 2), "\n", " scope=metrics\n"))
	s.awaitStatus(t, tokentest.Token(1), 200)
	if got := s.ask(t, "/auth?scope=deploy", http.Header{"Authorization": {"Bearer " + tokentest.Token(1)}}); got != 403 {
		t.Errorf("a scope that the keyring does not give: status %d", got)
	}
	tokentest.WriteFile(t, path, tokentest.Keyring(2))
	for begun := time.Now(); s.ask(t, "/auth?scope=deploy", http.Header{"Authorization": {"Bearer " + tokentest.Token(1)}}) != 200; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("without its line the variable's token does not pass: %s", s.log)
		}
	}
}

// TestStartWhileTheKeyringIsWritten: a start that meets half a file waits for
// the other half.
func TestStartWhileTheKeyringIsWritten(t *testing.T) {
	t.Parallel()
	text := tokentest.Keyring(1)
	path := filepath.Join(t.TempDir(), "keyring")
	s := newService(t, "AUTH_SERVICE_KEYRING="+path)
	tokentest.WriteFile(t, path, text[:40])
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Process.Kill(); _ = s.Wait() })
	time.Sleep(300 * time.Millisecond)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text[40:]); err != nil {
		t.Fatal(err)
	}
	s.await(t, "msg=started")
	if got := s.status(t, tokentest.Token(1)); got != 200 {
		t.Errorf("status %d", got)
	}
}
