package caddy_test

import (
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestTroubles: each mistake leads to what docs/troubleshooting.md says.
func TestTroubles(t *testing.T) {
	t.Parallel()
	const (
		ask, address = "uri /auth?", "forward_auth 127.0.0.1:8081"
		transport    = "transport http {"
	)
	// run runs the example with a replacement.
	run := func(t *testing.T, old, replacement string) *proxytest.Site {
		t.Helper()
		return start(t, "Caddyfile", proxytest.StartService(t, proxytest.TokenVariable), old, replacement)
	}
	// In the example, the argument of "import auth" is what follows "uri".
	uri := func(path string, fields ...string) proxytest.Trouble {
		return proxytest.Trouble{Right: ask, Path: path, Fields: append(fields, proxytest.Bearer(proxytest.Token)), Start: func(t *testing.T, wrong string) *proxytest.Site {
			t.Helper()
			return run(t, "import auth /auth?", strings.Replace(wrong, "uri", "import auth", 1))
		}}
	}
	after := func(right, line string) proxytest.Trouble {
		return proxytest.Trouble{Right: right, Start: func(t *testing.T, wrong string) *proxytest.Site {
			t.Helper()
			return run(t, line, strings.Replace(line+"\n"+wrong, wrong+"\n"+wrong, wrong, 1))
		}}
	}
	preflight := proxytest.Trouble{Method: "OPTIONS", Fields: []string{"Origin: https://example.com"}, Right: "respond @preflight 204", Start: func(t *testing.T, _ string) *proxytest.Site {
		t.Helper()
		return start(t, "Caddyfile", proxytest.StartService(t, proxytest.TokenVariable))
	}}
	preflight.Then = func(t *testing.T, site *proxytest.Site) {
		t.Helper()
		fixed := start(t, "Caddyfile", site.Service, "\timport auth /auth?\n\timport backend\n",
			"\t@preflight method OPTIONS\n\troute {\n\trespond @preflight 204\n\timport auth /auth?\n\timport backend\n\t}\n")
		for method, want := range map[string]int{"OPTIONS": 204, "GET": 401} {
			if got := proxytest.Send(t, fixed.Address, method+" / HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n").Status; got != want {
				t.Errorf("with what the page tells you to write, %s: status %d", method, got)
			}
		}
	}
	cookies := proxytest.Trouble{Right: "header_up -Cookie", Fields: []string{proxytest.Bearer(proxytest.Token), "Cookie: a=" + strings.Repeat("x", 8200)}, Start: func(t *testing.T, _ string) *proxytest.Site {
		t.Helper()
		return run(t, "header_up -Cookie", "")
	}}
	twice := proxytest.Trouble{Fields: []string{proxytest.Bearer(proxytest.Token), proxytest.Bearer(proxytest.Token)}, Start: preflight.Start}
	proxytest.CheckTroubles(t, "Caddy", map[string]proxytest.Trouble{
		"uri /auth":         uri("/?page=2"),
		"uri /auth/?":       uri(""),
		"uri /auth?{query}": uri("/?page=" + strings.Repeat("2", 8192)),
		"header_up -Cookie": cookies,
		"tls":               after("", transport),
		"versions h2c":      after("", transport),
		"forward_auth 127.0.0.1:8082": {Right: address, Start: func(t *testing.T, _ string) *proxytest.Site {
			t.Helper()
			return run(t, address, "forward_auth 127.0.0.1:"+proxytest.Port(t))
		}},
		"request_header -Authorization": after("header_up -Authorization", "request_header -X-Auth-Scope"),
		"Authorization":                 twice,
		"TOKEN=$(cat token)":            {Start: preflight.Start, Fields: []string{proxytest.Bearer(proxytest.Token) + "\r"}, Right: `TOKEN=$(tr -d '\r' <token)`},
		"OPTIONS":                       preflight,
	})
}
