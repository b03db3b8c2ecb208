package server

import (
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/hearsay"
)

// TestWhatProxiesSay: a line says of the original request what each proxy says of it.
func TestWhatProxiesSay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request string
		want    map[string]any
	}{
		"nginx": {
			"GET /auth HTTP/1.1\r\nHost: auth_service\r\nX-Real-IP: 198.51.100.7\r\nX-Original-URI: /metrics?a=b\r\nX-Original-Method: POST\r\nX-Original-Host: example.com\r\nX-Request-Id: 4b2fbd0a4b2fbd0a4b2fbd0a4b2fbd0a",
			map[string]any{"client": "198.51.100.7", "uri": "/metrics", "method": "POST", "host": "example.com", "request_id": "4b2fbd0a4b2fbd0a4b2fbd0a4b2fbd0a"},
		},
		"ingress-nginx": {
			"GET /auth HTTP/1.1\r\nHost: auth\r\nX-Request-ID: 01234567-89ab-cdef-0123-456789abcdef\r\nX-Original-URL: https://a.example.com/x/y?z\r\nX-Original-Method: PUT\r\nX-Sent-From: nginx-ingress-controller\r\nX-Real-IP: 198.51.100.7\r\nX-Forwarded-For: 198.51.100.7",
			map[string]any{"client": "198.51.100.7", "uri": "/x/y", "method": "PUT", "request_id": "01234567-89ab-cdef-0123-456789abcdef"},
		},
		"Traefik": {
			"GET /auth HTTP/1.1\r\nHost: 127.0.0.1:8081\r\nX-Forwarded-Method: DELETE\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example.com:8443\r\nX-Forwarded-Uri: /x?y\r\nX-Forwarded-For: 198.51.100.7",
			map[string]any{"client": "198.51.100.7", "uri": "/x", "method": "DELETE", "host": "a.example.com:8443"},
		},
		"Caddy": {
			"GET /auth HTTP/1.1\r\nHost: a.example.com\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Host: a.example.com\r\nX-Forwarded-Uri: /\r\nX-Forwarded-For: 2001:db8::1",
			map[string]any{"client": "2001:db8::1", "uri": "/", "method": "GET", "host": "a.example.com"},
		},
		"Envoy": {
			"PATCH /ext_authz/x/y?z HTTP/1.1\r\nHost: a.example.com\r\nX-Forwarded-For: 198.51.100.7\r\nX-Request-Id: 01234567-89AB-CDEF-0123-456789ABCDEF",
			map[string]any{"client": "198.51.100.7", "uri": "/x/y", "method": "PATCH", "host": "a.example.com", "request_id": "01234567-89AB-CDEF-0123-456789ABCDEF"},
		},
		"Envoy, behind another proxy": {
			"GET /ext_authz HTTP/1.1\r\nHost: b\r\nX-Original-Method: PUT\r\nX-Forwarded-Host: a\r\nX-Original-URI: /x",
			map[string]any{"uri": "/x", "method": "PUT", "host": "a"},
		},
		"a name of each kind, the first of them last": {
			"GET /auth HTTP/1.1\r\nHost: a\r\nX-Original-URL: /c\r\nX-Forwarded-Uri: /b\r\nX-Original-URI: /a\r\nX-Forwarded-Method: B\r\nX-Original-Method: A\r\nX-Original-Host: b\r\nX-Forwarded-Host: a",
			map[string]any{"uri": "/a", "method": "A", "host": "a"},
		},
		"the first that is not empty": {
			"GET /auth HTTP/1.1\r\nHost: a\r\nX-Original-URI:\r\nX-Original-URI: /a\r\nX-Original-URI: /b\r\nX-Forwarded-Uri: /c\r\nX-Request-Id: 1\r\nX-Request-Id: 2",
			map[string]any{"uri": "/a", "request_id": "1"},
		},
		"a long name of a host, and what is not one": {
			"GET /auth HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: a-long-name-of-a-host.in-a-long-domain.example.com:8443\r\nX-Request-Id: a-long-name-of-a-host.in-a-long-domain.example.com",
			map[string]any{"host": "a-long-name-of-a-host.in-a-long-domain.example.com:8443", "request_id": hearsay.NotShown},
		},
		"what could forge a line": {
			"GET /auth HTTP/1.1\r\nHost: a\r\nX-Original-Method: A\tB\r\nX-Original-Host: \\\xff\r\nX-Request-Id: \x80",
			map[string]any{"method": `A\x09B`, "host": `\x5c\xff`, "request_id": `\x80`},
		},
		"what is long": {
			"GET /auth HTTP/1.1\r\nHost: a\r\nX-Original-Method: /" + strings.Repeat("a", 300) + "\r\nX-Original-Host: /" + strings.Repeat("b", 300) + "\r\nX-Request-Id: /" + strings.Repeat("c", 300),
			map[string]any{"method": "/" + strings.Repeat("a", 255), "host": "/" + strings.Repeat("b", 255), "request_id": "/" + strings.Repeat("c", 255)},
		},
		"a URL without a path": {
			"GET /auth HTTP/1.1\r\nHost: a\r\nX-Original-URL: https://user:password@a.example.com?x",
			map[string]any{"uri": ""},
		},
		"a URL within a path": {
			"GET /auth HTTP/1.1\r\nHost: a\r\nX-Original-URL: /go/https://a.example.com/x",
			map[string]any{"uri": "/go/https://a.example.com/x"},
		},
	} {
		want := map[string]any{"level": "WARN", "msg": "authentication failed", "reason": "missing", "client": "192.0.2.1"}
		maps.Copy(want, c.want)
		w, lines := loggingWorker(t, auditKeyring(t), slog.LevelInfo)
		advanceAll(w, []byte(c.request+"\r\n\r\n"))
		if got := lines.take(t); len(got) != 1 || !maps.Equal(got[0], want) {
			t.Errorf("%s: logged %v, want %v", name, got, want)
		}
	}
}
