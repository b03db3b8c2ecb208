package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/hearsay"
	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// logLines collects what a logger writes, as JSON.
type logLines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// take returns the lines since the last call, without their times.
func (l *logLines) take(t *testing.T) (lines []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range bytes.Lines(l.b.Bytes()) {
		var line map[string]any
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		delete(line, "time")
		lines = append(lines, line)
	}
	l.b.Reset()
	return lines
}

// loggingWorker returns a worker and what it logs.
func loggingWorker(t *testing.T, k *core.Keyring, level slog.Level) (*worker, *logLines) {
	t.Helper()
	lines := &logLines{}
	logger := slog.New(slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: level}))
	w := New(k, Options{Logger: logger}).newWorker()
	w.setTime(time.Now())
	return w, lines
}

// longPrincipal is of the greatest length. No part of it has to be escaped or is cut.
var longPrincipal = "system:serviceaccount:a/b+c@example.com" + strings.Repeat("x", 89)

func auditKeyring(t *testing.T) *core.Keyring {
	t.Helper()
	entries := []core.Entry{
		{Principal: "reader", Credential: core.CredentialOf([]byte("reads")), Expires: core.Never},
		{Principal: longPrincipal, Credential: core.CredentialOf([]byte("longest")), Expires: core.Never},
		{Principal: "former", Credential: core.CredentialOf([]byte("expired")), Expires: 1},
	}
	var text strings.Builder
	for _, e := range entries {
		text.WriteString(tokentest.EntryLine(e))
	}
	return newKeyring(t, testToken, text.String())
}

// keyOf returns the key id of a token.
func keyOf(token string) string {
	credential := core.CredentialOf([]byte(token))
	return credential.KeyID().String()
}

// TestEachDecisionIsLogged once, at its level, with its reason, and with the
// principal where that is known.
func TestEachDecisionIsLogged(t *testing.T) {
	t.Parallel()
	const fields = "\r\nX-Original-URI: /a?b\r\n\r\n"
	for _, c := range []struct {
		name, target, authorization  string
		level, reason, principal, is string
		key                          string
	}{
		{"granted", "/auth", "Authorization: Bearer " + testToken, "DEBUG", "granted", "default", "authentication succeeded", "-"},
		{"granted of the keyring", "/auth", "Authorization: Bearer reads", "DEBUG", "granted", "reader", "authentication succeeded", keyOf("reads")},
		{"granted to a long name", "/auth", "Authorization: Bearer longest", "DEBUG", "granted", longPrincipal, "authentication succeeded", keyOf("longest")},
		{"denied to a long name", "/auth?scope=x", "Authorization: Bearer longest", "WARN", "insufficient_scope", longPrincipal, "authentication failed", keyOf("longest")},
		{"missing", "/auth", "Accept: x", "WARN", "missing", "", "authentication failed", ""},
		{"malformed", "/auth", "Authorization: Basic eDp5", "WARN", "malformed", "", "authentication failed", ""},
		{"twice", "/auth", "Authorization: Bearer reads\r\nAuthorization: Bearer reads", "WARN", "malformed", "", "authentication failed", ""},
		{"unknown", "/auth", "Authorization: Bearer unknown-to-all", "WARN", "unknown", "", "authentication failed", ""},
		{"expired", "/auth", "Authorization: Bearer expired", "WARN", "expired", "former", "authentication failed", keyOf("expired")},
		{"scope", "/auth?scope=x", "Authorization: Bearer reads", "WARN", "insufficient_scope", "reader", "authentication failed", keyOf("reads")},
		{"envoy", "/ext_authz/b", "Accept: x", "WARN", "missing", "", "authentication failed", ""},
	} {
		w, lines := loggingWorker(t, auditKeyring(t), slog.LevelDebug)
		advanceAll(w, []byte("GET "+c.target+" HTTP/1.1\r\nHost: a\r\n"+c.authorization+fields))
		want := map[string]any{"level": c.level, "msg": c.is, "reason": c.reason, "client": "192.0.2.1", "uri": "/a"}
		if c.name == "envoy" {
			want["method"], want["host"] = "GET", "a"
		}
		if c.principal != "" {
			want["principal"], want["key"] = c.principal, c.key
		}
		if got := lines.take(t); len(got) != 1 || !maps.Equal(got[0], want) {
			t.Errorf("%s: logged %v, want %v", c.name, got, want)
		}
	}
}

func TestUnconfiguredIsAnError(t *testing.T) {
	t.Parallel()
	w, lines := loggingWorker(t, nil, slog.LevelInfo)
	advanceAll(w, []byte(testAuth))
	if got := lines.take(t); len(got) != 1 || got[0]["level"] != "ERROR" || got[0]["reason"] != "unconfigured" {
		t.Errorf("logged %v", got)
	}
}

// TestFloodOfErrors: the summary of what would be errors is one, so that it is in every log
// that has the lines.
func TestFloodOfErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, lines := loggingWorker(t, nil, slog.LevelError)
		for range burst + 1 {
			advanceAll(w, []byte(testAuth))
		}
		time.Sleep(window + time.Millisecond)
		synctest.Wait()
		got := lines.take(t)
		if len(got) != burst+1 || got[burst]["level"] != "ERROR" || got[burst]["unconfigured"] != 1.0 {
			t.Errorf("%d lines: %v", len(got), got[max(0, len(got)-1):])
		}
	})
}

// TestWhatIsNotLogged: success above DEBUG, and health probes at any level.
func TestWhatIsNotLogged(t *testing.T) {
	t.Parallel()
	w, lines := loggingWorker(t, auditKeyring(t), slog.LevelInfo)
	advanceAll(w, []byte(testAuth))
	if got := lines.take(t); len(got) > 0 {
		t.Errorf("success: %v", got)
	}
	w, lines = loggingWorker(t, auditKeyring(t), slog.LevelDebug)
	for _, request := range []string{"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n"} {
		advanceAll(w, []byte(request))
	}
	if got := lines.take(t); len(got) > 0 {
		t.Errorf("logged %v", got)
	}
}

// TestHealthcheckIsQuiet: the healthcheck asks without a token, and that is not
// logged above DEBUG. A token that is wrong is logged all the same.
func TestHealthcheckIsQuiet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keyring *core.Keyring
		fields  string
		level   slog.Level
		want    any
	}{
		"no token":            {auditKeyring(t), "", slog.LevelInfo, nil},
		"no token, at DEBUG":  {auditKeyring(t), "", slog.LevelDebug, "DEBUG"},
		"unconfigured":        {nil, "", slog.LevelInfo, nil},
		"a wrong token":       {auditKeyring(t), "Authorization: Bearer wrong\r\n", slog.LevelInfo, "WARN"},
		"a malformed token":   {auditKeyring(t), "Authorization: wrong\r\n", slog.LevelInfo, "WARN"},
		"another's URI first": {auditKeyring(t), "X-Original-URI: /a\r\n", slog.LevelInfo, "WARN"},
	} {
		w, lines := loggingWorker(t, c.keyring, c.level)
		advanceAll(w, []byte("GET /auth HTTP/1.1\r\nHost: a\r\n"+c.fields+"X-Original-URI: "+httptext.HealthcheckURI+"\r\n\r\n"))
		got := lines.take(t)
		if c.want == nil && len(got) > 0 || c.want != nil && (len(got) != 1 || got[0]["level"] != c.want) {
			t.Errorf("%s: logged %v, want level %v", name, got, c.want)
		}
	}
}

// TestClientAddress: the proxy's word first, and nothing that is not an address.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	const peer = "192.0.2.1"
	for _, c := range []struct{ fields, want string }{
		{"", peer},
		{"X-Real-IP: 198.51.100.7\r\nX-Forwarded-For: 198.51.100.8\r\n", "198.51.100.7"},
		{"X-Forwarded-For: 198.51.100.8, 10.0.0.1, 10.0.0.2\r\n", "198.51.100.8"},
		{"X-Forwarded-For:   2001:db8::1  ,10.0.0.1\r\n", "2001:db8::1"},
		{"X-Forwarded-For: 198.51.100.8\r\nX-Forwarded-For: 198.51.100.9\r\n", "198.51.100.8"},
		{"X-Real-IP: 198.51.100.7\r\nX-Real-IP: 198.51.100.9\r\n", "198.51.100.7"},
		{"X-Real-IP: 198.51.100.7:4711\r\n", "198.51.100.7:4711"},
		{"X-Real-IP: [2001:db8::1]:4711\r\n", "[2001:db8::1]:4711"},
		{"X-Real-IP: ::ffff:198.51.100.7\r\n", "::ffff:198.51.100.7"},
		{"X-Real-IP: a::F\r\n", "a::F"},
		{"X-Real-IP: A::f\r\n", "A::f"},
		{"X-Real-IP: [ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535\r\n", "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535"},
		{"X-Real-IP:\r\nX-Forwarded-For: 198.51.100.8\r\n", "198.51.100.8"},
		{"X-Real-IP: unix:\r\nX-Forwarded-For: unknown\r\n", peer},
		{"X-Real-IP: " + testToken + "\r\nX-Forwarded-For: " + testToken + "\r\n", peer},
		{"X-Real-IP: fe80::1%" + testToken + "\r\n", peer},
		{"X-Real-IP: 198.51.100.7 level=INFO msg=forged\r\n", peer},
		{"X-Real-IP: 198.51.100.7\"\r\n", peer},
		{"X-Forwarded-For: , 198.51.100.8\r\n", peer},
		{"X-Forwarded-For: " + strings.Repeat("1", 8000) + "\r\n", peer},
		{"X_Real_IP: 198.51.100.7\r\nForwarded: for=198.51.100.8\r\n", peer},
	} {
		w, lines := loggingWorker(t, auditKeyring(t), slog.LevelInfo)
		advanceAll(w, []byte("GET /auth HTTP/1.1\r\nHost: a\r\n"+c.fields+"\r\n"))
		if got := lines.take(t); len(got) != 1 || got[0]["client"] != c.want {
			t.Errorf("%.60q: logged %v, want client %s", c.fields, got, c.want)
		}
	}
}

func TestOriginalURI(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]any{
		"":                                       nil,
		"?only=a-query":                          "",
		"/a?token=" + testToken:                  "/a",
		"/a??b?c":                                "/a",
		"/a\tb":                                  `/a\x09b`,
		"/\xc3\xa9\xff":                          `/\xc3\xa9\xff`,
		`/a\x00`:                                 `/a\x5cx00`,
		`/"quoted" and spaced`:                   `/"quoted" and spaced`,
		"/" + strings.Repeat("a", 255):           "/" + strings.Repeat("a", 255),
		"/" + strings.Repeat("a", 256):           "/" + strings.Repeat("a", 255),
		"/" + strings.Repeat("\xff", 256):        "/" + strings.Repeat(`\xff`, 63),
		strings.Repeat("a", 31):                  strings.Repeat("a", 31),
		strings.Repeat("a", 32):                  hearsay.NotShown,
		"/a" + strings.Repeat("\t", 4):           `/a`,                           // trailing whitespace is not part of a value
		"/" + strings.Repeat("a", 252) + "\xffb": "/" + strings.Repeat("a", 252), // no half of an escape
	} {
		w, lines := loggingWorker(t, auditKeyring(t), slog.LevelInfo)
		advanceAll(w, []byte("GET /auth HTTP/1.1\r\nHost: a\r\nX-Original-URI: "+uri+"\r\n\r\n"))
		if got := lines.take(t); len(got) != 1 || got[0]["uri"] != want {
			t.Errorf("%.60q: logged %v, want %v", uri, got, want)
		}
	}
}

// TestFloodOfFailures: so many lines in a second, then one summary that has
// the rest, and the next second is as the first. The clock is a made-up one.
func TestFloodOfFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, lines := loggingWorker(t, auditKeyring(t), slog.LevelInfo)
		for second := range 3 {
			for range 1000 {
				advanceAll(w, []byte(testDenied))
				advanceAll(w, []byte("GET /auth HTTP/1.1\r\nHost: a\r\n\r\n"))
			}
			synctest.Wait()
			if got := lines.take(t); len(got) != burst {
				t.Fatalf("second %d: %d lines", second, len(got))
			}
			time.Sleep(window + time.Millisecond)
			synctest.Wait()
			got := lines.take(t)
			want := map[string]any{
				"level": "WARN", "msg": "more decisions than are logged one by one",
				"unknown": float64(1000 - burst/2), "missing": float64(1000 - burst/2),
			}
			if len(got) != 1 || !maps.Equal(got[0], want) {
				t.Fatalf("second %d: summary %v, want %v", second, got, want)
			}
		}
		advanceAll(w, []byte(testDenied))
		time.Sleep(2 * window)
		synctest.Wait()
		if got := lines.take(t); len(got) != 1 || got[0]["reason"] != "unknown" {
			t.Errorf("a single failure is logged as %v", got)
		}
	})
}

// TestLastSummary: what was not logged one by one is summed up before Serve returns, since
// the process may end then.
func TestLastSummary(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		lines := &logLines{}
		r := start(t, en, auditKeyring(t), Options{Logger: slog.New(slog.NewJSONHandler(lines, nil))})
		c := r.dial(t)
		const each = 3 * burst
		for range each {
			ask(t, c, testDenied)
			ask(t, c, "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
		}
		r.wait(t)
		failures, refusals := 0, 0
		for _, line := range lines.take(t) {
			switch line["msg"] {
			case "authentication failed":
				failures++
			case "request refused":
				refusals++
			default:
				unknown, _ := line["unknown"].(float64)
				notFound, _ := line["status_404"].(float64)
				failures, refusals = failures+int(unknown), refusals+int(notFound)
			}
		}
		if failures != each || refusals != each {
			t.Errorf("the log has %d failures and %d refusals of %d each", failures, refusals, each)
		}
	})
}

// TestSuccessIsNotBounded: who asks for DEBUG gets all of it.
func TestSuccessIsNotBounded(t *testing.T) {
	t.Parallel()
	w, lines := loggingWorker(t, auditKeyring(t), slog.LevelDebug)
	for range 2 * burst {
		advanceAll(w, []byte(testAuth))
	}
	if got := lines.take(t); len(got) != 2*burst {
		t.Errorf("%d lines", len(got))
	}
}

// TestNoSecretInLines sends a token wherever a request has room for one. Only a path is
// logged as it is.
func TestNoSecretInLines(t *testing.T) {
	t.Parallel()
	const secret = "secret-in-a-request-0123456789-0123456789"
	w, lines := loggingWorker(t, auditKeyring(t), slog.LevelDebug)
	for _, request := range []string{
		"GET /auth HTTP/1.1\r\nHost: " + secret + "\r\nAuthorization: Bearer " + secret + "\r\n\r\n",
		"GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: " + secret + "\r\n\r\n",
		"GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: Basic " + secret + "\r\nAuthorization: Bearer " + secret + "\r\n\r\n",
		"GET /auth?scope=" + secret + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer reads\r\n\r\n",
		"GET /auth?token=" + secret + " HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /auth HTTP/1.1\r\nHost: a\r\nX-Auth-Scope: " + secret + "\r\nAuthorization: Bearer reads\r\n\r\n",
		"GET /ext_authz/?" + secret + " HTTP/1.1\r\nHost: " + secret + "\r\n\r\n",
		secret + " /ext_authz/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /auth?" + secret + " HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /auth?scope=a&" + secret + "=" + secret + " HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /auth HTTP/1.1\r\nHost: a\r\nX-Original-Method: " + secret + "\r\nX-Original-Host: " + secret + "\r\nX-Request-Id: " + secret + "\r\nX-Original-URL: https://" + secret + "@a?" + secret + "\r\n\r\n",
		"GET /auth HTTP/1.1\r\nHost: a\r\nX-Forwarded-Method: " + secret + "\r\nX-Forwarded-Host: " + secret + "\r\nX-Forwarded-Uri: " + secret + "\r\n\r\n",
		"PUT /health HTTP/1.1\r\nHost: a\r\nAuthorization: " + secret + "\r\n\r\n",
		"GET /auth HTTP/1.1\r\nHost: a\r\nX-Original-URI: /?access_token=" + secret + "\r\nCookie: " + secret + "\r\nUser-Agent: " + secret + "\r\nReferer: " + secret + "\r\n\r\n",
		"GET /auth HTTP/1.1\r\nHost: a\r\nX-Real-IP: " + secret + "\r\nX-Forwarded-For: " + secret + ", " + secret + "\r\nX-Auth-Request-User: " + secret + "\r\n\r\n",
		secret + " /auth HTTP/1.1\r\nHost: a\r\n\r\n",
		secret + "\r\n\r\n",
	} {
		advanceAll(w, []byte(request))
	}
	got := lines.take(t)
	if len(got) < 8 {
		t.Errorf("%d lines", len(got))
	}
	for _, line := range got {
		for key, value := range line {
			if strings.Contains(fmt.Sprint(value), secret[:16]) {
				t.Errorf("the %s of %v", key, line)
			}
		}
	}
}
