package proxytest

import (
	"cmp"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Site is a running proxy with an example's configuration, and what is behind it.
type Site struct {
	// Address is the proxy's.
	Address string
	// Proxy is the proxy itself.
	Proxy   *Process
	Backend *Backend
	Service *Service
	// Challenges are those that the proxy passes on with 401. If nil, they are
	// Bearer's alone.
	Challenges []string
	// AddsChallenge403 says that the proxy passes WWW-Authenticate on with 403.
	AddsChallenge403 bool
	// Whole says that the proxy passes on the whole identity, and that the service has
	// WholeVariable.
	Whole bool
	// PassesEmpty says that the proxy may pass on an empty identity field in the place
	// of one that the service does not tell.
	PassesEmpty bool
	// PassesScope says that the proxy leaves X-Auth-Scope alone: it asks no
	// service that would read it.
	PassesScope bool
}

// Request is one through the proxy, and the statuses of which one must come
// of it.
type Request struct {
	Name   string
	Path   string // "/" if empty
	Fields []string
	Want   []int
	// Connection is lines in place of "Connection: close".
	Connection []string
}

// Check sends a request and checks the status, the challenge, and that the
// backend was reached if and only if the request was allowed.
func (s *Site) Check(tb testing.TB, r Request) *Answer {
	tb.Helper()
	before := s.Backend.Requests()
	connection := r.Connection
	if connection == nil {
		connection = []string{"Connection: close"}
	}
	answer := Send(tb, s.Address, get(cmp.Or(r.Path, "/"), slices.Concat(connection, r.Fields)...))
	if !slices.Contains(r.Want, answer.Status) {
		tb.Errorf("%s: status %d, want one of %v", r.Name, answer.Status, r.Want)
	}
	if reached := s.Backend.Requests() != before; reached != (answer.Status == http.StatusOK) {
		tb.Errorf("%s: status %d, and the request reached the backend: %t", r.Name, answer.Status, reached)
	}
	challenges := answer.Header.Values("WWW-Authenticate")
	want := s.Challenges
	if want == nil {
		want = []string{"Bearer"}
	}
	if answer.Status == http.StatusUnauthorized && !slices.Equal(challenges, want) {
		tb.Errorf("%s: 401 with the challenges %q, want %q", r.Name, challenges, want)
	}
	return answer
}

// TokenVariable is the environment of a service with one token.
const TokenVariable = "AUTH_SERVICE_TOKEN=" + Token

// CheckVerdicts checks a site whose service has Token.
func (s *Site) CheckVerdicts(tb testing.TB) {
	tb.Helper()
	valid := Bearer(Token)
	denied := []int{http.StatusUnauthorized}
	for _, r := range []Request{
		{Name: "valid", Fields: []string{valid}, Want: []int{200}},
		{Name: "valid, another path and a query", Path: "/a/b?c=d&scope=none", Fields: []string{valid}, Want: []int{200}},
		{Name: "valid, scheme in lower case", Fields: []string{"authorization: bearer " + Token}, Want: []int{200}},
		{Name: "missing", Want: denied},
		{Name: "unknown", Fields: []string{Bearer(Stranger)}, Want: denied},
		{Name: "one letter more", Fields: []string{valid + "x"}, Want: denied},
		{Name: "another scheme", Fields: []string{"Authorization: Basic " + Token}, Want: denied},
		{Name: "scheme alone", Fields: []string{"Authorization: Bearer"}, Want: denied},
		{Name: "a list", Fields: []string{valid + ", Bearer " + Stranger}, Want: denied},
		{Name: "4 KB", Fields: []string{Bearer(strings.Repeat("x", 4096))}, Want: denied},
		{Name: "token in the query", Path: "/?access_token=" + Token, Want: denied},
		{Name: "token under another name", Fields: []string{"X-Authorization: Bearer " + Token, "Proxy-Authorization: Bearer " + Token}, Want: denied},
		{Name: "forwarded by the client", Fields: []string{
			"X-Original-URI: /health", "X-Forwarded-Uri: /health", "X-Forwarded-Method: OPTIONS",
			"X-Original-Method: OPTIONS", "X-HTTP-Method-Override: OPTIONS", "X-Rewrite-URL: /health",
			"X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "X-Auth-Request-User: default",
		}, Want: denied},
		{Name: "Authorization is to be dropped", Fields: []string{"Connection: Authorization", Bearer(Stranger)}, Want: []int{400, 401}},
	} {
		s.Check(tb, r)
	}
	const target = "/a%20b/%7Ec;d?e=%26&f"
	// "%7E" and "~" are the same (RFC 3986, section 6.2.2.2).
	if got := s.Check(tb, Request{Name: "valid, encoded", Path: target, Fields: []string{valid}, Want: []int{200}}).Echo(tb).URI; strings.Replace(got, "~", "%7E", 1) != target {
		tb.Errorf("the backend was asked for %s instead of %s", got, target)
	}
	for _, method := range []string{"OPTIONS", "HEAD", "PUT", "PROPFIND"} {
		before := s.Backend.Requests()
		answer := Send(tb, s.Address, method+" / HTTP/1.1\r\nHost: example.test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		if answer.Status < 400 || s.Backend.Requests() != before {
			tb.Errorf("%s without a token: status %d", method, answer.Status)
		}
	}
	s.checkBody(tb, "/body", valid)
}

// checkBody checks that a body goes to the backend, and to nobody else.
func (s *Site) checkBody(tb testing.TB, target, authorization string) {
	tb.Helper()
	for _, body := range []string{
		"Content-Length: 5\r\n\r\nhello",
		"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	} {
		head := "POST " + target + " HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n"
		echo := Send(tb, s.Address, head+authorization+"\r\n"+body).Echo(tb)
		if echo.Method != http.MethodPost || echo.URI != target || echo.Body != "hello" {
			tb.Errorf("the backend got %s %s with the body %q", echo.Method, echo.URI, echo.Body)
		}
		if a := Send(tb, s.Address, head+body); a.Status != http.StatusUnauthorized {
			tb.Errorf("a body without a token: status %d", a.Status)
		}
	}
}

// KeyringVariable writes Keyring into a file and returns the environment of a
// service that uses it.
func KeyringVariable(tb testing.TB) string {
	tb.Helper()
	return "AUTH_SERVICE_KEYRING=" + WriteFile(tb, filepath.Join(tb.TempDir(), "keyring"), Keyring())
}

// CheckSeveralAuthorizationFields checks that a request with several of them is
// denied; if the first is valid, it may have one of the other statuses. Never may
// it get through on one field while the backend sees another.
func (s *Site) CheckSeveralAuthorizationFields(tb testing.TB, firstIsValid ...int) {
	tb.Helper()
	valid, unknown := Bearer(Token), Bearer(Stranger)
	denied := []int{400, 401}
	for _, r := range []Request{
		{Name: "valid twice", Fields: []string{valid, valid}, Want: append(firstIsValid, denied...)},
		{Name: "valid first", Fields: []string{valid, unknown}, Want: append(firstIsValid, denied...)},
		{Name: "valid last", Fields: []string{unknown, valid}, Want: denied},
		{Name: "unknown twice", Fields: []string{unknown, unknown}, Want: denied},
	} {
		if answer := s.Check(tb, r); answer.Status == http.StatusOK {
			if got := answer.Echo(tb).Header.Values("Authorization"); len(got) > 0 {
				tb.Errorf("%s: the backend saw %d Authorization fields", r.Name, len(got))
			}
		}
	}
}
