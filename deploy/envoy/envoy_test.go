// Package envoy_test sends auth-service the requests that Envoy's documentation
// says ext_authz sends, with the prefix and the scopes of the examples, and runs
// the examples in Envoy itself if that is installed. Debian has no package of it.
// The examples' form is checked in schema.
package envoy_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

// example returns the prefix and the scopes of the example, in its order.
func example(t *testing.T) (prefix string, scopes []string) {
	t.Helper()
	text, err := os.ReadFile("scopes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^ *path_prefix: (\S+)$`).FindAllSubmatch(text, -1) {
		if prefix != "" && prefix != string(m[1]) {
			t.Fatalf("the example has the prefixes %s and %s", prefix, m[1])
		}
		prefix = string(m[1])
	}
	for _, m := range regexp.MustCompile(`\{ key: x-auth-scope, value: ([^}]+) \}`).FindAllSubmatch(text, -1) {
		scopes = append(scopes, string(m[1]))
	}
	if prefix == "" || len(scopes) != 2 {
		t.Fatalf("the example has the prefix %q and the scopes %q", prefix, scopes)
	}
	return prefix, scopes
}

// check is the request that ext_authz sends for a client's: its method, its
// path and query behind the prefix, its Host and Authorization, no body, and
// headers_to_add, which take the place of what the client sent.
func check(method, path, scope string, fields ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nhost: example.test\r\ncontent-length: 0\r\n", method, path)
	for _, field := range fields {
		b.WriteString(field + "\r\n")
	}
	if scope != "" {
		fmt.Fprintf(&b, "x-auth-scope: %s\r\n", scope)
	}
	b.WriteString("x-envoy-internal: true\r\nx-forwarded-for: 192.0.2.7\r\nx-envoy-expected-rq-timeout-ms: 2000\r\n")
	return b.String() + "\r\n"
}

func TestExtAuthz(t *testing.T) {
	t.Parallel()
	service := proxytest.StartService(t, proxytest.KeyringVariable(t))
	prefix, scopes := example(t)
	metrics, deploy, stranger := proxytest.Bearer(proxytest.Metrics), proxytest.Bearer(proxytest.Deploy), proxytest.Bearer(proxytest.Stranger)
	for _, c := range []struct {
		scope  string
		fields []string
		status int
		value  string // of the user, or the challenge
	}{
		{"", []string{metrics}, 200, "grafana"},
		{"", []string{deploy}, 200, "ci"},
		{"", nil, 401, "Bearer"},
		{"", []string{stranger}, 401, "Bearer"},
		{"", []string{metrics, deploy}, 401, "Bearer"},
		// A repeated field that Envoy joins is not a token either.
		{"", []string{metrics + ",Bearer " + proxytest.Deploy}, 401, "Bearer"},
		{scopes[0], []string{metrics}, 200, "grafana"},
		{scopes[0], nil, 401, "Bearer"},
		{scopes[1], []string{deploy}, 200, "ci"},
		{scopes[1], []string{metrics}, 403, `Bearer error="insufficient_scope", scope="metrics deploy"`},
		{scopes[1], []string{stranger}, 401, "Bearer"},
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "DELETE", "PROPFIND"} {
			for _, path := range []string{"/", "/metrics", "/health", "/auth?scope=metrics", "/a?scope=x&b=%20", "/%2e%2e/health", "//"} {
				answer := proxytest.Send(t, service.Address, check(method, prefix+path, c.scope, c.fields...))
				name := "X-Auth-Request-User"
				if c.status != 200 {
					name = "WWW-Authenticate"
				}
				if got := answer.Header.Values(name); answer.Status != c.status || !slices.Equal(got, []string{c.value}) {
					t.Errorf("%s %s for the scope %q: status %d with %s %q, want %d with %q",
						method, path, c.scope, answer.Status, name, got, c.status, c.value)
				}
			}
		}
	}
}

// Should a client's own field get to auth-service beside Envoy's, in whatever
// order, it takes nothing away.
func TestClientAsksForScope(t *testing.T) {
	t.Parallel()
	service := proxytest.StartService(t, proxytest.KeyringVariable(t))
	prefix, scopes := example(t)
	for _, own := range []string{"", "metrics", "*", " ", ","} {
		for _, request := range []string{
			check("GET", prefix+"/deploy/", scopes[1], proxytest.Bearer(proxytest.Metrics), "X-Auth-Scope: "+own),
			check("GET", prefix+"/deploy/", own, proxytest.Bearer(proxytest.Metrics), "x-auth-scope: "+scopes[1]),
		} {
			if got := proxytest.Send(t, service.Address, request).Status; got != 403 {
				t.Errorf("X-Auth-Scope %q: status %d, want 403", own, got)
			}
		}
	}
}

// The log has what Envoy says.
func TestQuestionInLog(t *testing.T) {
	t.Parallel()
	service := proxytest.StartService(t, proxytest.TokenVariable)
	prefix, _ := example(t)
	proxytest.Send(t, service.Address, check("DELETE", prefix+"/some/where?secret=x", "", "x-real-ip: 192.0.2.8", "x-request-id: 572a03a2-9dbc-4ecb-94fd-b84b933157f9"))
	service.AwaitLog(t, "reason=missing client=192.0.2.8 method=DELETE host=example.test uri=/some/where request_id=572a03a2-9dbc-4ecb-94fd-b84b933157f9\n")
}

// What Envoy takes for an allow is 200 and nothing else.
func TestOutsideOfThePrefix(t *testing.T) {
	t.Parallel()
	service := proxytest.StartService(t, proxytest.TokenVariable)
	prefix, _ := example(t)
	for _, path := range []string{prefix + "*", prefix + "x", prefix + "/../auth2", "/"} {
		if got := proxytest.Send(t, service.Address, check("GET", path, "")).Status; got == 200 {
			t.Errorf("%s without a token: status %d", path, got)
		}
	}
	request := check("GET", prefix+"x", "", proxytest.Bearer(proxytest.Token))
	if got := proxytest.Send(t, service.Address, request).Status; got != 404 {
		t.Errorf("another path with a token: status %d, want 404", got)
	}
}
