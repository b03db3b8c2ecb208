package main

import (
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// startAdmin starts a service with an admin listener, and returns its address.
func startAdmin(t *testing.T, environment ...string) (*service, string) {
	t.Helper()
	address := "127.0.0.1:" + freePort(t)
	return startService(t, append(environment, "ADMIN_LISTEN=tcp://"+address)...), address
}

// scrape reads the metrics as Prometheus does, into values by name and labels.
func scrape(t *testing.T, address string) map[string]float64 {
	t.Helper()
	status, text := get(t, http.DefaultClient, "http://"+address+"/metrics", "")
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			key := name
			for _, label := range m.GetLabel() {
				key += " " + label.GetName() + "=" + label.GetValue()
			}
			values[key] = value(m)
		}
	}
	return values
}

func value(m *dto.Metric) float64 {
	switch {
	case m.GetCounter() != nil:
		return m.GetCounter().GetValue()
	case m.GetGauge() != nil:
		return m.GetGauge().GetValue()
	}
	return float64(m.GetHistogram().GetSampleCount())
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	entry := core.Entry{Principal: "ci+a@example.com:b/c", Credential: core.CredentialOf([]byte("the-token-of-ci")), Scopes: []string{"deploy"}, Expires: expires.Unix()}
	ofCI := " key=" + entry.Credential.KeyID().String() + " principal=" + entry.Principal
	keyring := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.EntryLine(entry))
	s, admin := startAdmin(t, "AUTH_SERVICE_TOKEN="+tokentest.Good, "AUTH_SERVICE_KEYRING="+keyring)

	spy := "a-header-that-clients-send"
	for token, times := range map[string]int{tokentest.Good: 3, "the-token-of-ci": 2, "wrong": 1} {
		for range times {
			s.ask(t, "/auth", http.Header{"Authorization": {"Bearer " + token}, "X-Original-Uri": {"/" + spy}, "X-Real-Ip": {"192.0.2.7"}})
		}
	}
	s.ask(t, "/auth?scope=admin", http.Header{"Authorization": {"Bearer the-token-of-ci"}})
	s.ask(t, "/"+spy, nil)

	values := scrape(t, admin)
	for name, want := range map[string]float64{
		"auth_service_requests_total result=granted":                                 5,
		"auth_service_requests_total result=denied":                                  1,
		"auth_service_requests_total result=forbidden":                               1,
		"auth_service_requests_total result=unconfigured":                            0,
		"auth_service_requests_total result=other":                                   1,
		"auth_service_denials_total reason=unknown":                                  1,
		"auth_service_denials_total reason=insufficient_scope":                       1,
		"auth_service_denials_total reason=missing":                                  0,
		"auth_service_verdict_duration_seconds":                                      7,
		"auth_service_tokens":                                                        2,
		"auth_service_usable":                                                        1,
		"auth_service_tokens_usable":                                                 2,
		"auth_service_refused_requests_total status=404":                             1,
		"auth_service_refused_requests_total status=431":                             0,
		"auth_service_token_uses_total key=- principal=default":                      3,
		"auth_service_token_uses_total" + ofCI:                                       2,
		"auth_service_token_expiry_timestamp_seconds principal=ci+a@example.com:b/c": float64(expires.Unix()),
		"auth_service_reloads_total result=success":                                  0,
		"auth_service_last_reload_successful":                                        1,
	} {
		if got, ok := values[name]; !ok || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"auth_service_token_last_use_timestamp_seconds" + ofCI, "auth_service_last_look_timestamp_seconds"} {
		if at := values[name]; math.Abs(at-float64(time.Now().Unix())) > 60 {
			t.Errorf("%s is %v", name, at)
		}
	}
	if at := values["auth_service_last_reload_success_timestamp_seconds"]; math.Abs(at-float64(time.Now().Unix())) > 60 {
		t.Errorf("the last reload was at %v", at)
	}
	for name := range values {
		for _, private := range []string{spy, "192.0.2.7", tokentest.Good, "the-token-of-ci"} {
			if strings.Contains(name, private) {
				t.Errorf("a label is what a client sent: %s", name)
			}
		}
	}

	// Reloads: one that fails, one that does not.
	tokentest.WriteFile(t, keyring, "not a keyring\n")
	s.await(t, "reload failed")
	values = scrape(t, admin)
	if values["auth_service_reloads_total result=failure"] < 1 || values["auth_service_last_reload_successful"] != 0 || values["auth_service_tokens"] != 2 {
		t.Errorf("after a broken file: %v", values)
	}
	before := values["auth_service_last_reload_success_timestamp_seconds"]
	entry.Principal, entry.Expires = "cd", core.Never
	tokentest.WriteFile(t, keyring, tokentest.EntryLine(entry))
	s.await(t, "tokens reloaded")
	s.status(t, "the-token-of-ci")
	values = scrape(t, admin)
	if values["auth_service_last_reload_successful"] != 1 || values["auth_service_last_reload_success_timestamp_seconds"] <= before {
		t.Errorf("after a good file: %v", values)
	}
	ofCD := " key=" + entry.Credential.KeyID().String() + " principal=cd"
	if _, still := values["auth_service_token_uses_total"+ofCI]; still || values["auth_service_token_uses_total"+ofCD] != 1 {
		t.Errorf("after another principal took over: %v", values)
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	keyring := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), "")
	s, admin := startAdmin(t, "AUTH_SERVICE_KEYRING="+keyring, "DRAIN_TIMEOUT=10s")
	ready := func() (int, string) { return get(t, http.DefaultClient, "http://"+admin+"/ready", "") }
	if status, text := ready(); status != http.StatusServiceUnavailable || text != "no usable token" {
		t.Errorf("without a token: %d %s", status, text)
	}
	entry := core.Entry{Principal: "ci+a@example.com:b/c", Credential: core.CredentialOf([]byte("the-token-of-ci")), Expires: core.Never}
	tokentest.WriteFile(t, keyring, tokentest.EntryLine(entry))
	s.await(t, "tokens reloaded")
	if status, text := ready(); status != http.StatusOK || text != "ready" {
		t.Errorf("with a token: %d %s", status, text)
	}
	// A request that is under way keeps it draining.
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET /auth HTTP/1.1\r\nHost: a\r\n"); err != nil {
		t.Fatal(err)
	}
	s.status(t, "the-token-of-ci") // c is accepted by now
	if err := s.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	for status, text := ready(); text != "draining"; status, text = ready() {
		if time.Since(begun) > 5*time.Second {
			t.Fatalf("while it drains: %d %s", status, text)
		}
	}
	if status, text := get(t, http.DefaultClient, "http://"+admin+"/health", ""); status != http.StatusOK || text != "healthy" {
		t.Errorf("health: %d %s", status, text)
	}
	_ = c.Close()
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
}
