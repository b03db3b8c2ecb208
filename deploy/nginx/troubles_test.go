package nginx_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestTroubles: each mistake leads to what docs/troubleshooting.md says.
func TestTroubles(t *testing.T) {
	t.Parallel()
	const ask, pass, original = "proxy_pass http://auth_service/auth;", "proxy_set_header Authorization $http_authorization;", "proxy_set_header X-Original-URI $auth_original_uri;"
	// instead runs recommended.conf with the mistake in place of the right text.
	instead := func(right string) proxytest.Trouble {
		return proxytest.Trouble{Right: right, Start: func(t *testing.T, wrong string) *proxytest.Site {
			t.Helper()
			return start(t, "recommended.conf", proxytest.StartService(t, proxytest.TokenVariable), right, wrong)
		}}
	}
	with := func(trouble proxytest.Trouble, method, path string, fields ...string) proxytest.Trouble {
		trouble.Method, trouble.Path, trouble.Fields = method, path, fields
		return trouble
	}
	unchanged := proxytest.Trouble{Start: func(t *testing.T, _ string) *proxytest.Site {
		t.Helper()
		return start(t, "recommended.conf", proxytest.StartService(t, proxytest.TokenVariable))
	}}
	valid := proxytest.Bearer(proxytest.Token)

	webSocket := with(unchanged, "", "", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==", valid)
	webSocket.Right = "proxy_set_header Connection upgrade;"
	webSocket.Then = func(t *testing.T, site *proxytest.Site) {
		t.Helper()
		const after = `proxy_set_header X-Auth-Scope "";`
		fixed := start(t, "recommended.conf", site.Service, after, after+"proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "+webSocket.Right)
		if got := proxytest.Get(t, fixed.Address, "/", webSocket.Fields...).Status; got != 101 {
			t.Errorf("with what the page tells you to write, status %d", got)
		}
	}
	preflight := with(unchanged, "OPTIONS", "", "Origin: https://example.com", "Access-Control-Request-Method: GET")
	preflight.Right = "if ($request_method = OPTIONS) { return 204; }"
	preflight.Then = func(t *testing.T, site *proxytest.Site) {
		t.Helper()
		const after = "auth_request /_auth;"
		fixed := start(t, "recommended.conf", site.Service, after, preflight.Right+after)
		for method, want := range map[string]int{"OPTIONS": 204, "GET": 401} {
			request := method + " / HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n"
			if got := proxytest.Send(t, fixed.Address, request).Status; got != want {
				t.Errorf("with what the page tells you to write, %s: status %d", method, got)
			}
		}
	}

	proxytest.CheckTroubles(t, "nginx", map[string]proxytest.Trouble{
		"proxy_pass http://auth_service/auth/;":                     instead(ask),
		"proxy_pass http://auth_service/health;":                    instead(ask),
		"proxy_pass http://auth_service;":                           instead(ask),
		"proxy_pass http://auth_service/auth?next=$request_uri;":    instead(ask),
		"proxy_pass http://auth_service/auth?scopes=metrics;":       instead(ask),
		"proxy_pass http://auth_service/auth?scope=metrics,deploy;": instead(ask),
		"proxy_pass https://auth_service/auth;":                     instead(ask),
		"proxy_pass_request_headers off;":                           with(instead("proxy_pass_request_headers off;"), "", "", valid, "Cookie: a="+strings.Repeat("x", 4000), "Cookie: b="+strings.Repeat("x", 4200)),
		"proxy_set_header X-Original-URI $request_uri;":             with(instead(original), "", "/?q="+strings.Repeat("x", 8100), valid),
		pass: instead(pass),
		`proxy_set_header Authorization "Bearer $http_authorization";`: instead(pass),
		"Authorization": with(unchanged, "", "", valid, valid),
		"Upgrade":       webSocket,
		"OPTIONS":       preflight,
		"server 127.0.0.1:8082;": {Right: "server 127.0.0.1:8081;", Start: func(t *testing.T, _ string) *proxytest.Site {
			t.Helper()
			return start(t, "recommended.conf", proxytest.StartService(t, proxytest.TokenVariable), "server 127.0.0.1:8081;", "server 127.0.0.1:"+proxytest.Port(t)+";")
		}},
		"server unix:/run/auth-service.sock;": {Right: "server unix:/run/auth-service/auth.sock;", Start: func(t *testing.T, wrong string) *proxytest.Site {
			t.Helper()
			service := proxytest.StartServiceOnSocket(t, filepath.Join(t.TempDir(), "auth.sock"), proxytest.TokenVariable)
			return start(t, "unix.conf", service, "server unix:/run/auth-service/auth.sock;", strings.Replace(wrong, "/run", t.TempDir(), 1))
		}},
		"mode=0660": {Start: startWithoutPermission},
	})
}

// startWithoutPermission runs unix.conf with workers that may not write to the socket.
func startWithoutPermission(t *testing.T, _ string) *proxytest.Site {
	t.Helper()
	folder, err := os.MkdirTemp("/tmp", "socket") // the other user may enter it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	service := proxytest.StartServiceOnSocket(t, filepath.Join(folder, "auth.sock"), proxytest.TokenVariable)
	if err := os.Chmod(service.Address, 0); err != nil { // root may write to it all the same
		t.Fatal(err)
	}
	return startAs(t, "nobody nogroup", "unix.conf", service)
}
