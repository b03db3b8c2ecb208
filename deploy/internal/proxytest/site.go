package proxytest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Site is a running proxy with an example's configuration, and what is behind it.
type Site struct {
	// Address is the proxy's.
	Address string
	Backend *Backend
	Service *Service
	// AddsChallenge403 says that the proxy passes WWW-Authenticate on with 403.
	AddsChallenge403 bool
}

// Request is one through the proxy, and the statuses of which one must come
// of it.
type Request struct {
	Name   string
	Path   string // "/" if empty
	Fields []string
	Want   []int
}

// Check sends a request and checks the status, the challenge, and that the
// backend was reached if and only if the request was allowed.
func (s *Site) Check(tb testing.TB, r Request) *Answer {
	tb.Helper()
	before := s.Backend.Requests()
	answer := Get(tb, s.Address, cmp.Or(r.Path, "/"), r.Fields...)
	if !slices.Contains(r.Want, answer.Status) {
		tb.Errorf("%s: status %d, want one of %v", r.Name, answer.Status, r.Want)
	}
	if reached := s.Backend.Requests() != before; reached != (answer.Status == http.StatusOK) {
		tb.Errorf("%s: status %d, and the request reached the backend: %t", r.Name, answer.Status, reached)
	}
	challenges := answer.Header.Values("WWW-Authenticate")
	if answer.Status == http.StatusUnauthorized && !slices.Equal(challenges, []string{"Bearer"}) {
		tb.Errorf("%s: 401 with the challenges %q", r.Name, challenges)
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
	if got := s.Check(tb, Request{Name: "valid, encoded", Path: target, Fields: []string{valid}, Want: []int{200}}).Echo(tb).URI; got != target {
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

// spoofed are fields that a client would like the backend or the service to
// believe.
var spoofed = []string{
	"X-Auth-Request-User: root",
	"x-auth-request-user: root",
	"X_Auth_Request_User: root",
	"X-Auth_Request-User: root",
	"X-Auth-Scope: ",
	"X-Auth-Scope: metrics",
	"X_Auth_Scope: deploy",
	"X-Original-URI: /metrics",
	"X-Forwarded-Uri: /metrics",
}

// CheckIdentity checks that the backend saw the principal, once, and nothing
// that the client may have written in its stead. Some backends take "_" for "-".
func (a *Answer) CheckIdentity(tb testing.TB, user string) {
	tb.Helper()
	echo := a.Echo(tb)
	if got := echo.Header.Values("X-Auth-Request-User"); !slices.Equal(got, []string{user}) {
		tb.Errorf("the backend saw the users %q, want %q alone", got, user)
	}
	for name, values := range echo.Header {
		if name == "X-Auth-Request-User" {
			continue
		}
		switch strings.ToLower(strings.ReplaceAll(name, "_", "-")) {
		case "x-auth-request-user", "x-auth-scope", "authorization":
			tb.Errorf("the backend saw %s: %q", name, values)
		}
	}
}

// CheckIdentity checks a site whose service has Keyring and where every token
// may ask for /.
func (s *Site) CheckIdentity(tb testing.TB) {
	tb.Helper()
	for _, fields := range [][]string{nil, spoofed} {
		s.Check(tb, Request{
			Name: "valid", Want: []int{200},
			Fields: append(fields[:len(fields):len(fields)], Bearer(Metrics)),
		}).CheckIdentity(tb, "grafana")
		s.Check(tb, Request{Name: "missing", Fields: fields, Want: []int{401}})
	}
}

// KeyringVariable writes Keyring into a file and returns the environment of a
// service that uses it.
func KeyringVariable(tb testing.TB) string {
	tb.Helper()
	return "AUTH_SERVICE_KEYRING=" + WriteFile(tb, filepath.Join(tb.TempDir(), "keyring"), Keyring())
}

// CheckScopes checks a site whose service has Keyring, where /metrics needs
// the scope metrics and /deploy/ needs both. What is elsewhere is answered as
// given. Every request is sent with spoofed fields as well.
func (s *Site) CheckScopes(tb testing.TB, elsewhere int) {
	tb.Helper()
	metrics, deploy := Bearer(Metrics), Bearer(Deploy)
	for _, c := range []struct {
		Request
		user string
	}{
		{Request{"metrics", "/metrics", []string{metrics}, []int{200}}, "grafana"},
		{Request{"metrics, a token with both scopes", "/metrics", []string{deploy}, []int{200}}, "ci"},
		{Request{"deploy", "/deploy/x", []string{deploy}, []int{200}}, "ci"},
		{Request{"deploy, a token with one scope", "/deploy/x", []string{metrics}, []int{403}}, ""},
		{Request{"scope in the client's query", "/deploy/x?scope=metrics", []string{metrics}, []int{403}}, ""},
		{Request{"missing", "/metrics", nil, []int{401}}, ""},
		{Request{"unknown", "/deploy/x", []string{Bearer(Stranger)}, []int{401}}, ""},
		{Request{"elsewhere", "/", []string{metrics}, []int{elsewhere}}, "grafana"},
	} {
		for _, fields := range [][]string{nil, spoofed} {
			r := c.Request
			r.Name = fmt.Sprintf("%s, with %d spoofed fields", r.Name, len(fields))
			r.Fields = append(r.Fields[:len(r.Fields):len(r.Fields)], fields...)
			answer := s.Check(tb, r)
			if answer.Status == http.StatusOK {
				answer.CheckIdentity(tb, c.user)
			}
			if answer.Status == http.StatusForbidden && s.AddsChallenge403 {
				want := `Bearer error="insufficient_scope", scope="metrics deploy"`
				if got := answer.Header.Values("WWW-Authenticate"); !slices.Equal(got, []string{want}) {
					tb.Errorf("%s: challenges %q, want %q", r.Name, got, want)
				}
			}
		}
	}
	s.checkBody(tb, "/metrics", metrics)
	s.checkPaths(tb, metrics)
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

// checkPaths checks that however a path is written, the proxy takes it for what
// the backend may take it for.
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

// CheckUnavailable checks that nobody gets in while the service is dead, and
// that it is found again. The service has Token.
func (s *Site) CheckUnavailable(tb testing.TB) {
	tb.Helper()
	errors := []int{500, 502, 503, 504}
	valid, unknown := []string{Bearer(Token)}, []string{Bearer(Stranger)}
	s.Check(tb, Request{Name: "before", Fields: valid, Want: []int{200}})
	s.Service.Kill(tb)
	s.Check(tb, Request{Name: "valid, no service", Fields: valid, Want: errors})
	s.Check(tb, Request{Name: "unknown, no service", Fields: unknown, Want: errors})
	s.Check(tb, Request{Name: "missing, no service", Want: errors})
	s.Service.Again(tb)
	s.Check(tb, Request{Name: "valid, service back", Fields: valid, Want: []int{200}})
	s.Check(tb, Request{Name: "unknown, service back", Fields: unknown, Want: []int{401}})
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

// CheckUnnamed checks a site whose service is from StartUnnamed.
func (s *Site) CheckUnnamed(tb testing.TB) {
	tb.Helper()
	answer := Get(tb, s.Address, "/", append(spoofed[:len(spoofed):len(spoofed)], Bearer(Token))...)
	if answer.Status != http.StatusOK {
		return
	}
	for name, values := range answer.Echo(tb).Header {
		for _, value := range values {
			if strings.Contains(value, "root") {
				tb.Errorf("the client's %s got through: %q", name, value)
			}
		}
	}
}

// CheckLog checks that the log of the service has the path that was asked for
// without its query, and the client that the proxy saw instead of one that the
// client names.
func (s *Site) CheckLog(tb testing.TB, path string) {
	tb.Helper()
	dialer := &net.Dialer{Timeout: patience}
	client := "127.0.0.1"
	if runtime.GOOS == "linux" { // elsewhere, this is not an address of the machine
		client = "127.0.0.2"
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(client)}
	}
	answer, err := exchange(dialer, s.Address, "GET "+path+"?secret=x HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n"+
		"X-Real-IP: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.1\r\nX-Original-URI: /elsewhere\r\n\r\n")
	if err != nil {
		tb.Fatal(err)
	}
	if answer.Status != http.StatusUnauthorized {
		tb.Errorf("status %d, want 401", answer.Status)
	}
	s.Service.AwaitLog(tb, "client="+client+" uri="+path+"\n")
	for _, no := range []string{"192.0.2.1", "elsewhere", "secret"} {
		if strings.Contains(s.Service.Log.String(), no) {
			tb.Errorf("the log has %q: %s", no, s.Service.Log)
		}
	}
}
