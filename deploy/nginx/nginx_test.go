// Package nginx_test runs the example configurations with the real nginx.
package nginx_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

// start runs nginx with an example in front of a backend and of the service.
// There may be further replacements in the example. Many tests use it at the same
// time and as any user, so each has its own ports and main configuration. TestStock
// runs each example with those of a package.
func start(t *testing.T, example string, service *proxytest.Service, more ...string) *proxytest.Site {
	t.Helper()
	return startAs(t, "root", example, service, more...)
}

// startAs is start with workers of a user, if the test runs as root.
func startAs(t *testing.T, user, example string, service *proxytest.Service, more ...string) *proxytest.Site {
	t.Helper()
	program := needtest.Program(t, "nginx")
	dir := t.TempDir()
	backend := proxytest.StartBackend(t)
	address := "127.0.0.1:" + proxytest.Port(t)
	replacements := append(slices.Clone(more), "127.0.0.1:8000", backend.Address)
	if filepath.Base(example) == "original.conf" {
		replacements = append(replacements, "listen 80;", "listen "+address+";")
	} else {
		replacements = append(replacements, "listen 8080 ", "listen "+address+" ", "listen [::]:8080 default_server;", "")
	}
	if strings.HasPrefix(service.Address, "/") {
		replacements = append(replacements, "/run/auth-service/auth.sock", service.Address)
	} else {
		replacements = append(replacements, "127.0.0.1:8081", service.Address)
	}
	site := proxytest.Config(t, dir, example, replacements...)
	main := mainConfiguration(t, dir, user, site)
	proxy := proxytest.Start(t, address, nil, program, "-p", dir, "-e", "stderr", "-c", main)
	return &proxytest.Site{Address: address, Proxy: proxy, Backend: backend, Service: service}
}

// mainConfiguration writes nginx.conf, which includes files, into a folder.
func mainConfiguration(t *testing.T, dir, user, include string) (path string) {
	t.Helper()
	// Workers of a master that runs as root become another user, who may not
	// enter the test's folders.
	if user = "user " + user + ";"; os.Geteuid() != 0 {
		user = ""
	}
	return proxytest.WriteFile(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(`
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
`, dir, user, include))
}

// checkVerdicts adds what is nginx's own.
func checkVerdicts(t *testing.T, site *proxytest.Site) {
	t.Helper()
	site.CheckVerdicts(t)
	for _, r := range []proxytest.Request{
		// What nginx takes and the service does not is an error to auth_request.
		{Name: "8 KB", Fields: []string{proxytest.Bearer(strings.Repeat("x", 8150))}, Want: []int{500}},
		{Name: "16 KB", Fields: []string{proxytest.Bearer(strings.Repeat("x", 16<<10))}, Want: []int{400}},
		{Name: "the subrequest's own location", Path: "/_auth", Fields: []string{proxytest.Bearer(proxytest.Token)}, Want: []int{404}},
	} {
		site.Check(t, r)
	}
}

// unlimited are the replacements that keep ratelimit.conf from limiting.
var unlimited = []string{"rate=10r/s", "rate=60000r/s"}

// example is a published configuration, and a path in it that a token with the
// scope metrics may ask for.
type example struct {
	name, file, path string
	more             []string // replacements
}

// start runs the example with a service where it expects one.
func (e example) start(t *testing.T, environment ...string) *proxytest.Site {
	t.Helper()
	if filepath.Base(e.file) == "unix.conf" {
		socket := filepath.Join(t.TempDir(), "auth.sock")
		return start(t, e.file, proxytest.StartServiceOnSocket(t, socket, environment...), e.more...)
	}
	return start(t, e.file, proxytest.StartService(t, environment...), e.more...)
}

// examples returns all but original.conf.
func examples(t *testing.T) []example {
	t.Helper()
	readme := readmeConfigurations(t)
	return []example{
		{"recommended.conf", "recommended.conf", "/", nil},
		{"unix.conf", "unix.conf", "/", nil},
		{"ratelimit.conf", "ratelimit.conf", "/", unlimited},
		{"scopes.conf", "scopes.conf", "/metrics", nil},
		{"README, one location", readme[0], "/", nil},
		{"README, two locations", readme[1], "/metrics", nil},
	}
}

func TestOneToken(t *testing.T) {
	for example, more := range map[string][]string{
		"original.conf": nil, "recommended.conf": nil, "ratelimit.conf": unlimited,
	} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			checkVerdicts(t, start(t, example, proxytest.StartService(t, proxytest.TokenVariable), more...))
		})
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "auth.sock")
	site := start(t, "unix.conf", proxytest.StartServiceOnSocket(t, socket, proxytest.TokenVariable))
	checkVerdicts(t, site)
	site.CheckUnavailable(t)
}

// nginx makes 500 of what is neither an allow nor a denial.
func TestNoTokenConfigured(t *testing.T) {
	for _, example := range []string{"original.conf", "recommended.conf"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			site := start(t, example, proxytest.StartService(t))
			for _, fields := range [][]string{nil, {proxytest.Bearer(proxytest.Token)}, {"Authorization: Bearer"}, {"Authorization: Bearer "}} {
				site.Check(t, proxytest.Request{Name: "no token configured", Fields: fields, Want: []int{500}})
			}
		})
	}
}

// The original passes all of a client's fields on to the service, which takes
// no more than 8 KB of them by default.
func TestManyCookies(t *testing.T) {
	cookies := []string{"Cookie: a=" + strings.Repeat("x", 4000), "Cookie: b=" + strings.Repeat("y", 4200)}
	valid, unknown := proxytest.Bearer(proxytest.Token), proxytest.Bearer(proxytest.Stranger)
	const larger = "MAX_HEADER_BYTES=16384"
	for _, want := range []struct {
		example, environment, path string
		valid, unknown             int
	}{
		{"original.conf", "", "/", 500, 500},
		{"original.conf", larger, "/", 200, 401},
		{"recommended.conf", "", "/", 200, 401},
		{"ratelimit.conf", "", "/", 200, 401},
		{"scopes.conf", "", "/metrics", 200, 401},
	} {
		t.Run(want.example+want.environment, func(t *testing.T) {
			t.Parallel()
			site := start(t, want.example, proxytest.StartService(t, proxytest.TokenVariable, cmp.Or(want.environment, "MAX_HEADER_BYTES=")))
			long := want.path + "?q=" + strings.Repeat("x", 8100)
			for _, r := range []proxytest.Request{
				{Name: "cookies, valid", Path: want.path, Fields: append(cookies[:2:2], valid), Want: []int{want.valid}},
				{Name: "cookies, unknown", Path: want.path, Fields: append(cookies[:2:2], unknown), Want: []int{want.unknown}},
				{Name: "long URI, valid", Path: long, Fields: []string{valid}, Want: []int{want.valid}},
				{Name: "few cookies, valid", Path: want.path, Fields: []string{"Cookie: a=b", valid}, Want: []int{200}},
			} {
				site.Check(t, r)
			}
		})
	}
}

// nginx refuses several Authorization fields itself.
func TestSeveralAuthorizationFields(t *testing.T) {
	for _, example := range []string{"original.conf", "recommended.conf"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			start(t, example, proxytest.StartService(t, proxytest.TokenVariable)).CheckSeveralAuthorizationFields(t)
		})
	}
}

func TestLog(t *testing.T) {
	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			e.start(t, proxytest.TokenVariable).CheckLog(t, "nginx", e.path)
		})
	}
}

func TestUnnamed(t *testing.T) {
	for _, example := range []string{"recommended.conf", "ratelimit.conf"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			start(t, example, proxytest.StartUnnamed(t)).CheckUnnamed(t)
		})
	}
}

// The requests over the limit get 429, whatever token they have, and neither
// the service nor the backend sees them.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	site := start(t, "ratelimit.conf", proxytest.StartService(t, proxytest.TokenVariable))
	limited := false
	// The limit gives back ten a second: the guesses must come faster for it to
	// bite at all, and do, since each takes a millisecond or so.
	for range 2000 {
		answer := site.Check(t, proxytest.Request{
			Name: "guess", Fields: []string{proxytest.Bearer(proxytest.Stranger)}, Want: []int{401, 429},
		})
		if limited = answer.Status == 429; limited {
			break
		}
	}
	if !limited {
		t.Error("2,000 guesses in a row were not limited")
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// directives returns the lines of an example that are not comments.
func directives(t *testing.T, example string) []string {
	t.Helper()
	return slices.DeleteFunc(strings.Split(read(t, example), "\n"), func(line string) bool {
		line = strings.TrimSpace(line)
		return line == "" || strings.HasPrefix(line, "#")
	})
}

// The variants differ from the recommended configuration only in what they are
// about.
func TestVariantsFollowTheRecommended(t *testing.T) {
	t.Parallel()
	recommended := directives(t, "recommended.conf")
	unix := strings.ReplaceAll(strings.Join(directives(t, "unix.conf"), "\n"), "unix:/run/auth-service/auth.sock", "127.0.0.1:8081")
	if want := strings.Join(recommended, "\n"); unix != want {
		t.Errorf("unix.conf is not recommended.conf with another address:\n%s", unix)
	}
	var server []string
	replacer := strings.NewReplacer("8080 default_server", "8080", "127.0.0.1:8000", "backend:8000")
	for _, line := range directives(t, "unix.conf") {
		if !strings.Contains(line, "listen [::]") { // the container has no other server, and IPv4 alone
			server = append(server, "    "+replacer.Replace(line))
		}
	}
	if want := strings.Join(server, "\n"); !strings.Contains(strings.Join(directives(t, "../container/nginx.conf"), "\n"), want) {
		t.Errorf("../container/nginx.conf does not have the lines of unix.conf:\n%s", want)
	}
	limited := slices.DeleteFunc(directives(t, "ratelimit.conf"), func(line string) bool {
		return strings.HasPrefix(strings.TrimSpace(line), "limit_req")
	})
	if !slices.Equal(limited, recommended) {
		t.Errorf("ratelimit.conf is not recommended.conf with limits:\n%s", strings.Join(limited, "\n"))
	}
}
