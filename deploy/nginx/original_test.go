package nginx_test

import (
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestOriginalIsUnchanged: users of the original have these lines.
func TestOriginalIsUnchanged(t *testing.T) {
	t.Parallel()
	const want = `server {
    listen 80;

    location / {
        auth_request /_auth;
        proxy_pass http://127.0.0.1:8000;
    }

    location = /_auth {
        internal;
        proxy_pass http://127.0.0.1:8081/auth;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Original-URI $request_uri;
    }
}
`
	if _, got, _ := strings.Cut(read(t, "original.conf"), "server {\n"); "server {\n"+got != want {
		t.Errorf("original.conf is now\n%s", got)
	}
}

// rowOf returns the cells of the page's table of what each file lets through.
func rowOf(t *testing.T, file string) []string {
	t.Helper()
	_, table, _ := strings.Cut(read(t, "README.md"), "| file | a forged `X-Auth-Request-User`")
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) == 6 && strings.Contains(cells[1], "`"+file+"`") {
			return cells[2:5]
		}
	}
	t.Fatalf("%s is not in the page's table", file)
	return nil
}

// TestWhatEachFileLetsThrough: the page's table is true. Only original.conf lets
// the client's forged identity and its token through to the backend.
func TestWhatEachFileLetsThrough(t *testing.T) {
	for _, e := range append(examples(t), example{"original.conf", "original.conf", "/", nil}) {
		if strings.HasPrefix(e.name, "README") {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			site := e.start(t, proxytest.KeyringVariable(t))
			const passes = "reaches the backend"
			echo := proxytest.Get(t, site.Address, e.path, proxytest.Bearer(proxytest.Metrics), "X-Auth-Request-User: root").Echo(t)
			row := rowOf(t, e.file)
			for i, got := range []string{echo.Header.Get("X-Auth-Request-User"), echo.Header.Get("Authorization")} {
				passed := strings.Contains(got, "root") || strings.Contains(got, proxytest.Metrics)
				if passed != (e.name == "original.conf") || passed != strings.Contains(row[i], passes) {
					t.Errorf("the client's value %s: %t; the page says %q", passes, passed, row[i])
				}
			}
			limited := strings.Contains(read(t, e.file), "proxy_read_timeout 5s;")
			if want := map[bool]string{true: "500 after 5 s", false: "500 after 60 s"}[limited]; strings.TrimSpace(row[2]) != want {
				t.Errorf("a silent service: the page says %q, want %q", row[2], want)
			}
		})
	}
}
