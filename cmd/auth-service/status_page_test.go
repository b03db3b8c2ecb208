package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// statusService is a service with a small keyring, which clients have used. One token of
// grafana replaces another, that of backup has expired, and the keyring was broken once.
func statusService(t *testing.T) (s *service, admin string) {
	t.Helper()
	now := time.Now()
	ago := func(days int) int64 { return now.AddDate(0, 0, -days).Unix() }
	text := ""
	for _, e := range []core.Entry{
		{Principal: "alice@example.com", Credential: core.CredentialOf([]byte("alice")), Scopes: []string{core.AnyScope}, Expires: core.Never},
		{Principal: "backup", Credential: core.CredentialOf([]byte("backup")), Scopes: []string{"read"}, Expires: ago(3)},
		{Principal: "ci", Credential: core.CredentialOf([]byte("ci")), Scopes: []string{"deploy", "metrics"}, Expires: ago(-60) + 3600},
		{Principal: "grafana", Credential: core.CredentialOf([]byte("grafana-old")), Scopes: []string{"metrics"}, Expires: ago(-5) + 3600},
		{Principal: "grafana", Credential: core.CredentialOf([]byte("grafana-new")), Scopes: []string{"metrics"}, Expires: core.Never},
	} {
		text += tokentest.EntryLine(e)
	}
	keyring := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), text)
	port := freePort(t)
	s, admin = newService(t, "AUTH_SERVICE_KEYRING=keyring", "ADMIN_LISTEN=tcp://127.0.0.1:"+port), "http://127.0.0.1:"+port
	s.Dir = filepath.Dir(keyring)
	s.run(t)
	header := http.Header{"X-Original-Uri": {"/" + statusSpy}, "X-Real-Ip": {"192.0.2.7"}, "X-Request-Id": {statusSpy}, "User-Agent": {statusSpy}}
	for _, asked := range []struct {
		path, token string
		times, want int
	}{
		{"/auth?scope=metrics", "grafana-new", 12, 200},
		{"/auth?scope=metrics", "ci", 3, 200},
		{"/auth?scope=deploy", "ci", 1, 200},
		{"/auth?scope=deploy", "grafana-new", 2, 403},
		{"/auth", "backup", 1, 401},
		{"/auth", "token-" + statusSpy, 1, 401},
		{"/auth?scope=" + statusSpy, "alice", 1, 200},
		{"/auth/", "ci", 1, 404},
		{"/auth?" + statusSpy, "ci", 1, 404},
		{"/health", "", 1, 200},
	} {
		header.Set("Authorization", "Bearer "+asked.token)
		for range asked.times {
			if got := s.ask(t, asked.path, header); got != asked.want {
				t.Fatalf("%s: %d, want %d", asked.path, got, asked.want)
			}
		}
	}
	tokentest.WriteFile(t, keyring, strings.Replace(text, "grafana sha256:", "grafana sha265:", 1))
	s.await(t, "reload failed")
	tokentest.WriteFile(t, keyring, text)
	s.await(t, "tokens reloaded")
	return s, admin
}

// statusSpy is in everything that a client can send.
const statusSpy = "sent-by-a-client"

func TestStatusPage(t *testing.T) {
	t.Parallel()
	s, admin := statusService(t)
	status, body := get(t, http.DefaultClient, admin+"/?"+statusSpy+"=1", statusSpy)
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	for _, want := range []string{
		"<strong>Ready</strong>", "4 of 5 tokens", "tcp://" + s.address, admin[len("http://"):], "AUTH_SERVICE_KEYRING", "<code>keyring</code>",
		"<th role=\"rowheader\" scope=\"row\">alice@example.com</th>", "expired 3 days ago", "in 60 days", "in 5 days",
		"Reloads: 1 succeeded, 1 failed.", "keyring:4: ",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in\n%s", want, body)
		}
	}
	for _, private := range []string{statusSpy, "192.0.2.7"} {
		if strings.Contains(body, private) {
			t.Errorf("what a client sent is on the page: %s\n%s", private, body)
		}
	}
	for _, request := range []struct {
		method, path string
		want         int
	}{{http.MethodHead, "/", 200}, {http.MethodPost, "/", 405}, {http.MethodGet, "/index.html", 404}, {http.MethodGet, "//", 404}} {
		asked, err := http.NewRequestWithContext(t.Context(), request.method, admin+request.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(asked)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != request.want {
			t.Errorf("%s %s: %s, want %d", request.method, request.path, response.Status, request.want)
		}
	}
}
