// Package apache_test runs the example configuration with the real httpd.
package apache_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

// modules are those of Debian's default configuration and those that the
// example says it needs.
var modules = []string{"mpm_event", "authz_core", "env", "rewrite", "headers", "lua", "unique_id", "proxy", "proxy_http"}

func start(t *testing.T, example string, service *proxytest.Service, replacements ...string) *proxytest.Site {
	t.Helper()
	program := needtest.Program(t, "apache2", "httpd")
	needtest.Program(t, "perl")
	dir := t.TempDir()
	backend := proxytest.StartBackend(t)
	address := "127.0.0.1:" + proxytest.Port(t)
	folder, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	site := proxytest.Config(t, dir, example, append(replacements,
		"*:80", address, "/usr/local/lib/auth-service", folder, " www-data:www-data", "",
		"127.0.0.1:8081", service.Address, "127.0.0.1:8000", backend.Address)...)
	var main strings.Builder
	for _, name := range modules {
		fmt.Fprintf(&main, "LoadModule %[1]s_module %[2]s/mod_%[1]s.so\n", name, moduleDir(t))
	}
	fmt.Fprintf(&main, `
ServerRoot %[1]s
DefaultRuntimeDir %[1]s
PidFile %[1]s/pid
Mutex file:%[1]s
ErrorLog /dev/stderr
Listen %[2]s
ServerName example.test
DocumentRoot %[1]s
`, dir, address)
	if os.Geteuid() == 0 {
		main.WriteString("User www-data\nGroup www-data\n")
	}
	fmt.Fprintf(&main, "Include %s\n", site)
	proxy := proxytest.Start(t, address, nil, program, "-d", dir, "-D", "FOREGROUND",
		"-f", proxytest.WriteFile(t, filepath.Join(dir, "main.conf"), main.String()))
	return &proxytest.Site{Address: address, Proxy: proxy, Backend: backend, Service: service, AddsChallenge403: true}
}

func moduleDir(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/libexec/apache2"} {
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	t.Fatal("httpd's modules were not found")
	return ""
}

func TestOneToken(t *testing.T) {
	t.Parallel()
	site := start(t, "auth-service.conf", proxytest.StartService(t, proxytest.TokenVariable))
	site.CheckVerdicts(t)
	site.CheckSeveralAuthorizationFields(t)
	site.Check(t, proxytest.Request{
		Name: "8 KB of cookies", Want: []int{200},
		Fields: []string{"Cookie: a=" + strings.Repeat("x", 8100), proxytest.Bearer(proxytest.Token)},
	})
	site.Check(t, proxytest.Request{Name: "8 KB", Fields: []string{proxytest.Bearer(strings.Repeat("x", 8150))}, Want: []int{500}})
	site.Check(t, proxytest.Request{Name: "16 KB", Fields: []string{proxytest.Bearer(strings.Repeat("x", 16<<10))}, Want: []int{400}})
	site.CheckUnavailable(t)
}

func TestScopes(t *testing.T) {
	t.Parallel()
	site := start(t, "scopes.conf", proxytest.StartService(t, proxytest.KeyringVariable(t)))
	site.CheckScopes(t, 404)
	site.CheckUpgrade(t, "/metrics")
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	site := start(t, "auth-service.conf", proxytest.StartService(t, proxytest.KeyringVariable(t)))
	site.CheckIdentity(t)
	site.CheckUpgrade(t, "/")
}

func TestUnnamed(t *testing.T) {
	t.Parallel()
	start(t, "auth-service.conf", proxytest.StartUnnamed(t)).CheckUnnamed(t)
}

func TestNoTokenConfigured(t *testing.T) {
	t.Parallel()
	site := start(t, "auth-service.conf", proxytest.StartService(t))
	site.Check(t, proxytest.Request{Name: "no token configured", Fields: []string{proxytest.Bearer(proxytest.Token)}, Want: []int{500}})
}

func TestLog(t *testing.T) {
	t.Parallel()
	for example, path := range map[string]string{"auth-service.conf": "/some/where", "scopes.conf": "/deploy/x"} {
		start(t, example, proxytest.StartService(t, proxytest.TokenVariable)).CheckLog(t, "Apache httpd", path)
	}
}

// A client cannot make up fields of the line that the program reads, nor lines.
func TestSeparators(t *testing.T) {
	t.Parallel()
	site := start(t, "auth-service.conf", proxytest.StartService(t, proxytest.TokenVariable))
	for name, r := range map[string]proxytest.Request{
		"space in the path":      {Path: "/%20Bearer%20" + proxytest.Token},
		"spaces in the path":     {Path: "/%20%20%20Bearer%20" + proxytest.Token},
		"line end in the path":   {Path: "/%0a/auth%20x%20x%20x%20x%20x%20Bearer%20" + proxytest.Token},
		"return in the path":     {Path: "/%0d%0aAuthorization:%20Bearer%20" + proxytest.Token},
		"NUL in the path":        {Path: "/%00"},
		"tabs in Authorization":  {Fields: []string{"Authorization: x\tBearer " + proxytest.Token}},
		"fields in the field":    {Fields: []string{"Authorization: /auth x x x x x Bearer " + proxytest.Token}},
		"dollar in the path":     {Path: "/$%7bauth_service:/health%7d"},
		"dollar in the field":    {Fields: []string{"Authorization: ${auth_service:/health}"}},
		"percent in the field":   {Fields: []string{"Authorization: %{HTTP:X-Token}", "X-Token: Bearer " + proxytest.Token}},
		"a status in the field":  {Fields: []string{"Authorization: 200 root"}},
		"variable of the client": {Fields: []string{"AUTH_STATUS: 200", "AUTH-ALLOWED: 1", "AUTH_VALUE: root"}},
	} {
		r.Name, r.Want = name, []int{400, 401, 403, 404, 500}
		site.Check(t, r)
	}
	// And it still answers everybody else rightly.
	site.Check(t, proxytest.Request{Name: "valid", Fields: []string{proxytest.Bearer(proxytest.Token)}, Want: []int{200}})
	site.Check(t, proxytest.Request{Name: "missing", Want: []int{401}})
}

// If the script that removes names is missing, nobody gets in.
func TestNoScript(t *testing.T) {
	t.Parallel()
	site := start(t, "auth-service.conf", proxytest.StartService(t, proxytest.TokenVariable), "names.lua", "missing.lua")
	for _, fields := range [][]string{nil, {proxytest.Bearer(proxytest.Token)}} {
		site.Check(t, proxytest.Request{Name: "no script", Fields: fields, Want: []int{500}})
	}
}

// Without the rules the second lock still holds.
func TestRewritingOff(t *testing.T) {
	t.Parallel()
	site := start(t, "auth-service.conf", proxytest.StartService(t, proxytest.TokenVariable), "RewriteEngine On", "RewriteEngine Off")
	for _, fields := range [][]string{nil, {proxytest.Bearer(proxytest.Token)}, {"AUTH_ALLOWED: 1"}} {
		site.Check(t, proxytest.Request{Name: "no rules", Fields: fields, Want: []int{403}})
	}
}
