package proxytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
)

// CheckScopes checks a site whose service has Keyring, where /metrics needs the
// scope metrics and /deploy/ needs both. Other paths must get the status elsewhere.
// Every request is also sent with spoofed fields.
func (s *Site) CheckScopes(tb testing.TB, elsewhere int) {
	tb.Helper()
	metrics, deploy := Bearer(Metrics), Bearer(Deploy)
	for _, c := range []struct {
		Request
		user string
	}{
		{Request{"metrics", "/metrics", []string{metrics}, []int{200}, nil}, "grafana"},
		{Request{"metrics, a token with both scopes", "/metrics", []string{deploy}, []int{200}, nil}, "ci"},
		{Request{"deploy", "/deploy/x", []string{deploy}, []int{200}, nil}, "ci"},
		{Request{"deploy, a token with one scope", "/deploy/x", []string{metrics}, []int{403}, nil}, ""},
		{Request{"scope in the client's query", "/deploy/x?scope=metrics", []string{metrics}, []int{403}, nil}, ""},
		{Request{"missing", "/metrics", nil, []int{401}, nil}, ""},
		{Request{"unknown", "/deploy/x", []string{Bearer(Stranger)}, []int{401}, nil}, ""},
		{Request{"elsewhere", "/", []string{metrics}, []int{elsewhere}, nil}, "grafana"},
	} {
		for _, fields := range [][]string{nil, spoofed} {
			r := c.Request
			r.Name = fmt.Sprintf("%s, with %d spoofed fields", r.Name, len(fields))
			r.Fields = append(r.Fields[:len(r.Fields):len(r.Fields)], fields...)
			answer := s.Check(tb, r)
			if answer.Status == http.StatusOK {
				s.checkEcho(tb, r.Name, answer.Echo(tb), c.user)
			}
			if answer.Status == http.StatusForbidden && s.AddsChallenge403 {
				want := `Bearer error="insufficient_scope", scope="metrics deploy"`
				if got := answer.Header.Values("WWW-Authenticate"); !slices.Equal(got, []string{want}) {
					tb.Errorf("%s: challenges %q, want %q", r.Name, got, want)
				}
			}
		}
	}
	s.checkIdentity(tb, "/metrics")
	s.checkBody(tb, "/metrics", metrics)
	s.checkPaths(tb, metrics)
	s.checkNoRule(tb)
	s.checkConcurrent(tb)
}

// checkConcurrent checks that every caller gets the verdict and the identity of
// its own token while many ask at once. The service has Keyring, and every
// token may ask for /metrics.
func (s *Site) checkConcurrent(tb testing.TB) {
	tb.Helper()
	const callers, requests = 4, 50
	var group sync.WaitGroup
	for token, user := range map[string]string{Metrics: "grafana", Deploy: "ci", Stranger: ""} {
		request := "GET /metrics HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n" + Bearer(token) + "\r\n\r\n"
		for range callers {
			group.Go(func() {
				for range requests {
					answer, err := Exchange(s.Address, request)
					if err != nil {
						tb.Error(err)
						return
					}
					var echo Echo
					if answer.Status == http.StatusOK {
						err = json.Unmarshal(answer.Body, &echo)
					}
					if got := echo.Header.Get("X-Auth-Request-User"); err != nil || got != user || (answer.Status == http.StatusOK) != (user != "") {
						tb.Errorf("the caller with the token of %q got status %d as %q", user, answer.Status, got)
						return
					}
				}
			})
		}
	}
	group.Wait()
}

// checkPaths checks that the proxy reads every spelling of a path as the backend
// may read it.
func (s *Site) checkPaths(tb testing.TB, authorization string) {
	tb.Helper()
	for _, target := range []string{
		"/deploy/", "/metrics/../deploy/x", "/%64eploy/x", "/deploy%2fx", "//deploy/x", "/./deploy/x", "/deploy//x",
		"/x/..%2fdeploy/x", "/x/%2e%2e/deploy/x", "/metrics%2f../deploy/x", "/deploy/%2e/x", "/x/../../deploy/x", "/%2fdeploy/x", "/.%2fdeploy/x",
		"http://example.test/deploy/x", "http://example.test//deploy/x", "/deploy/x/../../metrics/../deploy/y",
	} {
		answer := Get(tb, s.Address, target, authorization)
		if answer.Status != http.StatusOK {
			continue
		}
		uri := answer.Echo(tb).URI
		decoded, err := url.PathUnescape(uri)
		if err != nil || strings.HasPrefix(path.Clean(decoded)+"/", "/deploy/") {
			tb.Errorf("%s reached the backend as %s without the scope", target, uri)
		}
	}
}

// checkNoRule checks that a path that no rule names is denied, whoever asks. If a
// proxy or a backend may mistake a path for one that a rule names, the path needs
// at least the scopes of that rule.
func (s *Site) checkNoRule(tb testing.TB) {
	tb.Helper()
	for _, c := range []struct {
		targets []string
		may     []string // the tokens that may get through
	}{
		{targets: []string{
			"/", "/?scope=metrics", "/favicon.ico", "/health", "/auth", "/auth?scope=metrics", "/_auth", "/ext_authz", "/ext_authz/metrics",
			"/metrics/", "/metrics/x", "/metricsx", "/metric", "/metrics;a", "/metrics;a=b/x", "/metrics.json", "/metrics%00",
			"/x/metrics", "/metrics%3fx", "/metrics%23x", "/metrics&x", "/%6detricsx", "/metrics%2f", "/x/%2e%2e%2fx",
			"/deploy", "/deploy?x", "/deploy;a", "/deploy;a/x", "/deploy;/x", "/deploy%3b/x", "/deployx", "/deployx/", "/x/deploy/x",
			"/deploy%00/x", "/deploy%20/x", "/deploy%5cx", "/%25deploy/x", "/%2564eploy/x",
		}},
		{targets: []string{"/METRICS", "/Metrics", "/%6detrics", "/metrics.", "/metrics%20", "/metrics%0a"}, may: []string{Metrics, Deploy}},
		{targets: []string{"/DEPLOY/x", "/Deploy/x", "/deploY/", "/%64eploy/x", "/deploy%2Fx", "/deploy%2fx", "//deploy/x", "/./deploy/x", "/x/../deploy/x", "/deploy\\x"}, may: []string{Deploy}},
	} {
		for _, target := range c.targets {
			for _, token := range []string{Metrics, Deploy, Stranger} {
				before := s.Backend.Requests()
				answer := Get(tb, s.Address, target, Bearer(token))
				if answer.Status == http.StatusOK && !slices.Contains(c.may, token) {
					tb.Errorf("%s, which no rule names, with the token %s: status 200", target, token)
				}
				if answer.Status != http.StatusOK && s.Backend.Requests() != before {
					tb.Errorf("%s: status %d, and the request reached the backend", target, answer.Status)
				}
			}
			if answer := Get(tb, s.Address, target); answer.Status < 300 || answer.Status >= 500 {
				tb.Errorf("%s without a token: status %d", target, answer.Status)
			}
		}
	}
}
