// Package nginx_test runs the example configurations with the real nginx.
package nginx_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

const tokenVariable = "AUTH_SERVICE_TOKEN=" + proxytest.Token

// start runs nginx with an example in front of the backend and returns its
// address. auth is what stands in the example's place of the service's address,
// and the address itself.
func start(t *testing.T, example string, backend *proxytest.Backend, auth ...string) string {
	t.Helper()
	program := proxytest.Program(t, "nginx")
	dir := t.TempDir()
	address := "127.0.0.1:" + proxytest.Port(t)
	site := proxytest.Config(t, dir, example, append([]string{
		"listen 80;", "listen " + address + ";",
		"127.0.0.1:8000", backend.Address,
	}, auth...)...)
	// Workers of a master that runs as root become another user, who may not
	// enter the test's folders.
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	main := proxytest.WriteFile(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(`
%[2]s
daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
events { }
http {
    access_log off;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
    include %[3]s;
}
`, dir, user, site))
	proxytest.Start(t, address, nil, program, "-p", dir, "-e", "stderr", "-c", main)
	return address
}

// startTCP is start with the service on a TCP port.
func startTCP(t *testing.T, example string, backend *proxytest.Backend, service *proxytest.Service) string {
	t.Helper()
	return start(t, example, backend, "127.0.0.1:8081", service.Address)
}

// request is one through the proxy, and what must come of it.
type request struct {
	name   string
	path   string // "/" if empty
	fields []string
	want   []int
}

func (r request) check(t *testing.T, address string, backend *proxytest.Backend) *proxytest.Answer {
	t.Helper()
	before := backend.Requests()
	path := r.path
	if path == "" {
		path = "/"
	}
	answer := proxytest.Get(t, address, path, r.fields...)
	if !slices.Contains(r.want, answer.Status) {
		t.Errorf("%s: status %d, want one of %v", r.name, answer.Status, r.want)
	}
	if reached := backend.Requests() != before; reached != (answer.Status == http.StatusOK) {
		t.Errorf("%s: status %d, and the request reached the backend: %t", r.name, answer.Status, reached)
	}
	challenges := answer.Header.Values("WWW-Authenticate")
	if answer.Status == http.StatusUnauthorized && !slices.Equal(challenges, []string{"Bearer"}) {
		t.Errorf("%s: 401 with the challenges %q", r.name, challenges)
	}
	return answer
}

// verdicts are the requests that every example with one token answers alike.
func verdicts() []request {
	valid := proxytest.Bearer(proxytest.Token)
	return []request{
		{name: "valid", fields: []string{valid}, want: []int{200}},
		{name: "valid, another path and a query", path: "/a/b?c=d&scope=none", fields: []string{valid}, want: []int{200}},
		{name: "valid, scheme in lower case", fields: []string{"authorization: bearer " + proxytest.Token}, want: []int{200}},
		{name: "missing", want: []int{401}},
		{name: "unknown", fields: []string{proxytest.Bearer(proxytest.Stranger)}, want: []int{401}},
		{name: "one letter more", fields: []string{valid + "x"}, want: []int{401}},
		{name: "another scheme", fields: []string{"Authorization: Basic " + proxytest.Token}, want: []int{401}},
		{name: "scheme alone", fields: []string{"Authorization: Bearer"}, want: []int{401}},
		{name: "4 KB", fields: []string{proxytest.Bearer(strings.Repeat("x", 4096))}, want: []int{401}},
		// What nginx takes and the service does not is an error to auth_request.
		{name: "8 KB", fields: []string{proxytest.Bearer(strings.Repeat("x", 8150))}, want: []int{500}},
		{name: "16 KB", fields: []string{proxytest.Bearer(strings.Repeat("x", 16<<10))}, want: []int{400}},
		{name: "token in the query", path: "/?access_token=" + proxytest.Token, want: []int{401}},
		{name: "the subrequest's own location", path: "/_auth", fields: []string{valid}, want: []int{404}},
		{name: "forwarded by the client", fields: []string{
			"X-Original-URI: /health", "X-Forwarded-Uri: /health", "X-Forwarded-Method: OPTIONS",
			"X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "X-Auth-Request-User: default",
		}, want: []int{401}},
	}
}

func TestOneToken(t *testing.T) {
	for _, example := range []string{"original.conf", "recommended.conf", "ratelimit.conf"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			backend := proxytest.StartBackend(t)
			address := startTCP(t, example, backend, proxytest.StartService(t, tokenVariable))
			for _, r := range verdicts() {
				r.check(t, address, backend)
			}
		})
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	backend := proxytest.StartBackend(t)
	socket := filepath.Join(t.TempDir(), "auth.sock")
	proxytest.StartServiceOnSocket(t, socket, tokenVariable)
	address := start(t, "unix.conf", backend, "/run/auth-service/auth.sock", socket)
	for _, r := range verdicts() {
		r.check(t, address, backend)
	}
}

// nginx makes 500 of what is neither an allow nor a denial.
func TestNoTokenConfigured(t *testing.T) {
	for _, example := range []string{"original.conf", "recommended.conf"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			backend := proxytest.StartBackend(t)
			address := startTCP(t, example, backend, proxytest.StartService(t))
			for _, fields := range [][]string{nil, {proxytest.Bearer(proxytest.Token)}, {"Authorization: Bearer"}, {"Authorization: Bearer "}} {
				request{name: "without a token", fields: fields, want: []int{500}}.check(t, address, backend)
			}
		})
	}
}

// The original passes all of a client's fields on to the service, which takes
// no more than 8 KB of them.
func TestManyCookies(t *testing.T) {
	cookies := []string{"Cookie: a=" + strings.Repeat("x", 4000), "Cookie: b=" + strings.Repeat("y", 4200)}
	long := "/?q=" + strings.Repeat("x", 8000)
	valid, unknown := proxytest.Bearer(proxytest.Token), proxytest.Bearer(proxytest.Stranger)
	for example, want := range map[string]struct{ valid, unknown int }{
		"original.conf":    {500, 500},
		"recommended.conf": {200, 401},
	} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			backend := proxytest.StartBackend(t)
			address := startTCP(t, example, backend, proxytest.StartService(t, tokenVariable))
			for _, r := range []request{
				{name: "cookies, valid", fields: append(cookies[:2:2], valid), want: []int{want.valid}},
				{name: "cookies, unknown", fields: append(cookies[:2:2], unknown), want: []int{want.unknown}},
				{name: "long URI, valid", path: long, fields: []string{valid, "Cookie: a=" + strings.Repeat("x", 500)}, want: []int{want.valid}},
				{name: "few cookies, valid", fields: []string{"Cookie: a=b", valid}, want: []int{200}},
			} {
				r.check(t, address, backend)
			}
		})
	}
}

// What nginx does with several Authorization fields differs between versions.
// Never may a request get through on one of them while the backend sees
// another.
func TestSeveralAuthorizationFields(t *testing.T) {
	valid, unknown := proxytest.Bearer(proxytest.Token), proxytest.Bearer(proxytest.Stranger)
	for example, want := range map[string][]int{
		"original.conf":    {400, 401},
		"recommended.conf": {200, 400, 401},
	} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			backend := proxytest.StartBackend(t)
			address := startTCP(t, example, backend, proxytest.StartService(t, tokenVariable))
			for _, r := range []request{
				{name: "valid twice", fields: []string{valid, valid}, want: want},
				{name: "valid first", fields: []string{valid, unknown}, want: want},
				{name: "valid last", fields: []string{unknown, valid}, want: []int{400, 401}},
				{name: "unknown twice", fields: []string{unknown, unknown}, want: []int{400, 401}},
			} {
				answer := r.check(t, address, backend)
				if answer.Status == http.StatusOK {
					if got := answer.Echo(t).Header.Values("Authorization"); len(got) > 0 {
						t.Errorf("%s: the backend saw %d Authorization fields", r.name, len(got))
					}
				}
			}
		})
	}
}
