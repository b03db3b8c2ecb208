// Package traefik_test sends auth-service the requests that Traefik's
// documentation says ForwardAuth sends, with the addresses of the examples, and
// runs the examples in Traefik itself if that is installed. Debian has no package
// of it. The examples' form is checked in ../envoy/schema.
package traefik_test

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

// addresses returns the address of each forwardAuth of the examples.
func addresses(t *testing.T) map[string]*url.URL {
	t.Helper()
	var text []byte
	for _, example := range []string{"dynamic.yml", "scopes.yml"} {
		more, err := os.ReadFile(example)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, more...)
	}
	found := map[string]*url.URL{}
	for _, m := range regexp.MustCompile(`(?m)^    ([a-z-]+):\n      forwardAuth:\n        address: (\S+)$`).FindAllSubmatch(text, -1) {
		u, err := url.Parse(string(m[2]))
		if err != nil {
			t.Fatal(err)
		}
		found[string(m[1])] = u
	}
	if len(found) != 3 {
		t.Fatalf("%d forwardAuth in the examples, want 3", len(found))
	}
	return found
}

// forwardAuth is the request that the middleware sends for a client's: GET,
// with X-Forwarded-* of its own, and of the client's fields those that
// authRequestHeaders names; without that option, all but the hop-by-hop ones.
func forwardAuth(address *url.URL, method, uri string, fields ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Go-http-client/1.1\r\n", address.RequestURI(), address.Host)
	fmt.Fprintf(&b, "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Host: example.test\r\nX-Forwarded-Method: %s\r\n", method)
	fmt.Fprintf(&b, "X-Forwarded-Proto: https\r\nX-Forwarded-Uri: %s\r\nAccept-Encoding: gzip\r\n", uri)
	for _, field := range fields {
		b.WriteString(field + "\r\n")
	}
	return b.String() + "\r\n"
}

func TestForwardAuth(t *testing.T) {
	t.Parallel()
	service := proxytest.StartService(t, proxytest.KeyringVariable(t))
	addresses := addresses(t)
	metrics, deploy, stranger := proxytest.Bearer(proxytest.Metrics), proxytest.Bearer(proxytest.Deploy), proxytest.Bearer(proxytest.Stranger)
	for _, c := range []struct {
		middleware string
		fields     []string
		status     int
		value      string // of the user, or the challenge
	}{
		{"auth", []string{metrics}, 200, "grafana"},
		{"auth", []string{deploy}, 200, "ci"},
		{"auth", nil, 401, "Bearer"},
		{"auth", []string{stranger}, 401, "Bearer"},
		{"auth", []string{metrics, deploy}, 401, "Bearer"},
		{"auth-metrics", []string{metrics}, 200, "grafana"},
		{"auth-metrics", []string{deploy}, 200, "ci"},
		{"auth-metrics", nil, 401, "Bearer"},
		{"auth-deploy", []string{deploy}, 200, "ci"},
		{"auth-deploy", []string{metrics}, 403, `Bearer error="insufficient_scope", scope="metrics deploy"`},
		{"auth-deploy", []string{stranger}, 401, "Bearer"},
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			for _, uri := range []string{"/", "/metrics", "/health", "/auth?scope=metrics"} {
				// The same with all that a client may add, as without authRequestHeaders.
				for _, more := range [][]string{nil, {
					"X-Auth-Request-User: root", "X_Auth_Request_User: root", "X-Real-IP: 127.0.0.1",
					"X-Original-URI: /health", "Cookie: a=b", "X_Forwarded_Uri: /health", "Forwarded: for=127.0.0.1",
				}} {
					request := forwardAuth(addresses[c.middleware], method, uri, append(more, c.fields...)...)
					answer := proxytest.Send(t, service.Address, request)
					name := "X-Auth-Request-User"
					if c.status != 200 {
						name = "WWW-Authenticate"
					}
					if got := answer.Header.Values(name); answer.Status != c.status || !slices.Equal(got, []string{c.value}) {
						t.Errorf("%s %s with %d fields through %s: status %d with %s %q, want %d with %q",
							method, uri, len(more), c.middleware, answer.Status, name, got, c.status, c.value)
					}
					// Traefik hands a denial to the client as it is.
					if len(answer.Body) > 0 {
						t.Errorf("a verdict with a body: %q", answer.Body)
					}
				}
			}
		}
	}
}

// Without authRequestHeaders a client could ask for more scopes, not for fewer.
func TestClientAsksForScope(t *testing.T) {
	t.Parallel()
	service := proxytest.StartService(t, proxytest.KeyringVariable(t))
	addresses := addresses(t)
	for scope, want := range map[string]int{"": 403, "metrics": 403, "*": 403} {
		request := forwardAuth(addresses["auth-deploy"], "GET", "/deploy/", proxytest.Bearer(proxytest.Metrics), "X-Auth-Scope: "+scope)
		if got := proxytest.Send(t, service.Address, request).Status; got != want {
			t.Errorf("X-Auth-Scope %q: status %d, want %d", scope, got, want)
		}
	}
}

// The log has what Traefik says.
func TestLog(t *testing.T) {
	t.Parallel()
	service := proxytest.StartService(t, proxytest.TokenVariable)
	proxytest.Send(t, service.Address, forwardAuth(addresses(t)["auth"], "DELETE", "/some/where?secret=x"))
	service.AwaitLog(t, "reason=missing client=192.0.2.7 method=DELETE host=example.test uri=/some/where\n")
}
