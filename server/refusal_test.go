package server

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/server/internal/engine"
)

// TestRefusedRequestsAreLogged: a proxy that asks the wrong question finds the reason in
// the log.
func TestRefusedRequestsAreLogged(t *testing.T) {
	t.Parallel()
	const head = " HTTP/1.1\r\nHost: a\r\nX-Real-IP: 198.51.100.7\r\nX-Original-URI: /x?y\r\n\r\n"
	for name, c := range map[string]struct {
		request string
		status  float64
		why     string
		path    any
	}{
		"a slash too many":       {"GET /auth/" + head, 404, "the path has a slash too many; the proxy has to ask /auth", "/auth/"},
		"a slash before":         {"GET //auth" + head, 404, "the path has a slash too many", "//auth"},
		"a path below":           {"GET /auth/x" + head, 404, "there is no such path; the proxy has to ask /auth, or a path below /ext_authz", "/auth/x"},
		"no path":                {"GET /" + head, 404, "there is no such path", "/"},
		"another's prefix":       {"GET /ext_authzz" + head, 404, "there is no such path", "/ext_authzz"},
		"a long path":            {"GET /" + strings.Repeat("a", 300) + head, 404, "there is no such path", "/" + strings.Repeat("a", 255)},
		"a parameter":            {"GET /auth?next=x" + head, 404, `the parameter "next" is not known`, "/auth"},
		"the plural":             {"GET /auth?scope=a&scopes=metrics" + head, 404, `the parameter "scopes" is not known`, "/auth"},
		"a list":                 {"GET /auth?scope=a,b" + head, 404, "what follows scope= is not a scope", "/auth"},
		"an empty scope":         {"GET /auth?scope=" + head, 404, "what follows scope= is not a scope", "/auth"},
		"an ampersand too many":  {"GET /auth?scope=a&" + head, 404, `the parameter "" is not known`, "/auth"},
		"an empty query":         {"GET /auth?" + head, 404, "the query of /auth is empty", "/auth"},
		"a query for health":     {"GET /health?x" + head, 404, "/health takes no query", "/health"},
		"another method":         {"POST /health" + head, 405, "the method for /health is GET or HEAD", "/health"},
		"garbage":                {"garbage\r\n", 400, "does not follow the grammar", nil},
		"TLS":                    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "the client speaks TLS", nil},
		"HTTP/2":                 {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "the client speaks HTTP/2", nil},
		"PROXY":                  {"PROXY TCP4 198.51.100.7 192.0.2.1 4711 8081\r\nGET /auth" + head, 400, "the client sends the PROXY protocol", nil},
		"PROXY, in binary":       {"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", 400, "the client sends the PROXY protocol", nil},
		"a long line":            {"GET /auth?" + strings.Repeat("a", 9000) + head, 414, "longer than MAX_HEADER_BYTES", nil},
		"large fields":           {"GET /auth HTTP/1.1\r\nHost: a\r\nCookie: " + strings.Repeat("a", 9000) + "\r\n\r\n", 431, "larger than MAX_HEADER_BYTES, or more than 99", nil},
		"a coding":               {"GET /auth HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "coding other than chunked", nil},
		"a version":              {"GET /auth HTTP/3.0\r\nHost: a\r\n\r\n", 505, "neither 1.0 nor 1.1", nil},
		"a version of no number": {"GET /auth HTTP/x\r\nHost: a\r\n\r\n", 400, "does not follow the grammar", nil},
	} {
		w, lines := loggingWorker(t, auditKeyring(t), slog.LevelWarn)
		advanceAll(w, []byte(c.request))
		got := lines.take(t)
		if len(got) != 1 || got[0]["level"] != "WARN" || got[0]["msg"] != "request refused" || got[0]["status"] != c.status ||
			!strings.Contains(got[0]["why"].(string), c.why) || got[0]["path"] != c.path {
			t.Errorf("%s: %v", name, got)
			continue
		}
		understood := c.path != nil
		wantClient, wantURI := any("192.0.2.1"), any(nil)
		if understood {
			wantClient, wantURI = "198.51.100.7", "/x"
		}
		if got[0]["client"] != wantClient || got[0]["uri"] != wantURI {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestSlowRequestsAreLogged: and those that there is no memory for.
func TestSlowRequestsAreLogged(t *testing.T) {
	t.Parallel()
	for why, r := range map[string]refusal{"not arrived within HEAD_TIMEOUT": requestTimeout, "has made room for others": overloaded} {
		w, lines := loggingWorker(t, auditKeyring(t), slog.LevelWarn)
		w.refuse(nil, r, nil, testPeer{})
		if got := lines.take(t); len(got) != 1 || !strings.Contains(got[0]["why"].(string), why) || got[0]["client"] != "192.0.2.1" {
			t.Errorf("%s: %v", why, got)
		}
	}
}

// TestTurnedAway: a connection that is one too many is told so, and the server goes on. The
// engine knows nothing of such a connection.
func TestTurnedAway(t *testing.T) {
	t.Parallel()
	w, lines := loggingWorker(t, auditKeyring(t), slog.LevelWarn)
	r := w.respond(engine.Event{Kind: engine.Crowded}, nil, nil, nil)
	if !strings.HasPrefix(string(r.Out), "HTTP/1.1 503 ") {
		t.Errorf("%q", r.Out)
	}
	if got := lines.take(t); len(got) != 1 || got[0]["status"] != float64(503) || !strings.Contains(got[0]["why"].(string), "MAX_CONNECTIONS") {
		t.Errorf("%v", got)
	}
}

// TestHealthInsteadOfAuth: a proxy that asks the wrong endpoint lets everybody in, and the
// log says so.
func TestHealthInsteadOfAuth(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]int{
		"":                                  0,
		"Authorization: Bearer x\r\n":       0,
		"X-Forwarded-For: 198.51.100.7\r\n": 0,
		"X-Original-URI: /metrics?a\r\n":    1,
		"X-Forwarded-Method: GET\r\n":       1,
		"X-Original-URI: " + httptext.HealthcheckURI + "\r\n": 0,
	} {
		w, lines := loggingWorker(t, auditKeyring(t), slog.LevelWarn)
		out, _ := advanceAll(w, []byte("GET /health HTTP/1.1\r\nHost: a\r\n"+fields+"\r\n"))
		got := lines.take(t)
		if len(got) != want || !strings.HasPrefix(string(out), "HTTP/1.1 200 ") {
			t.Errorf("%q: %q, %v", fields, out, got)
		}
		if want > 0 && (got[0]["level"] != "WARN" || !strings.Contains(got[0]["msg"].(string), "lets everybody in") || got[0]["client"] != "192.0.2.1") {
			t.Errorf("%q: %v", fields, got)
		}
	}
}

// TestFloodOfRefusals: it costs so many lines in a second and a summary, and hides no
// failure.
func TestFloodOfRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, lines := loggingWorker(t, auditKeyring(t), slog.LevelInfo)
		for range 500 {
			advanceAll(w, []byte("GET /nope HTTP/1.1\r\nHost: a\r\n\r\n"))
			advanceAll(w, []byte("garbage\r\n"))
		}
		advanceAll(w, []byte(testDenied))
		got := lines.take(t)
		if len(got) != burst+1 || got[burst]["msg"] != "authentication failed" {
			t.Errorf("%d lines, the last %v", len(got), got[len(got)-1])
		}
		time.Sleep(window + time.Millisecond)
		synctest.Wait()
		got = lines.take(t)
		if len(got) != 1 || got[0]["status_404"] != float64(500-burst/2) || got[0]["status_400"] != float64(500-burst/2) {
			t.Errorf("summary %v", got)
		}
	})
}
