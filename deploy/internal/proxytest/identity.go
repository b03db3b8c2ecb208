package proxytest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// WholeVariable makes a service tell everything about the owner of a token.
const WholeVariable = "IDENTITY=user,scopes,key"

// identityNames are the fields that tell the backend who asks. By default, the service
// sets the first alone; what a client sends under any of them is a lie.
var identityNames = []string{"X-Auth-Request-User", "X-Auth-Request-Scopes", "X-Auth-Request-Key"}

// spoofed are fields that a client would like the backend or the service to
// believe.
var spoofed = []string{
	"X-Auth-Request-User: root",
	"x-auth-request-user: root",
	"X_Auth_Request_User: root",
	"X-Auth_Request-User: root",
	"X-Auth-Request-Scopes: root",
	"X_Auth_Request_Scopes: root",
	"X-Auth-Request-Key: root",
	"x.auth.request.key: root",
	"X-Auth-Scope: metrics",
	"X_Auth_Scope: deploy",
	"X-Original-URI: /metrics",
	"X-Forwarded-Uri: /metrics",
}

// alike returns the name that a backend may mistake a field for: some treat "_" as
// "-" (CGI and its heirs), some every byte except letters and digits.
func alike(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return '-'
	}, strings.ToLower(name))
}

// CheckIdentity checks that the backend saw the principal, once, and no identity
// from the client. It also checks that a reverse proxy in place of the backend
// would pass on the same.
func (a *Answer) CheckIdentity(tb testing.TB, user string) {
	tb.Helper()
	new(Site).checkEcho(tb, "the request", a.Echo(tb), user)
}

// identity is what the backend must see of a user.
func (s *Site) identity(user string) map[string][]string {
	identity := map[string][]string{"X-Auth-Request-User": {user}}
	if s.Whole {
		owner := owners[user]
		identity["X-Auth-Request-Scopes"] = []string{owner.scopes}
		identity["X-Auth-Request-Key"] = []string{owner.key}
	}
	return identity
}

func (s *Site) checkEcho(tb testing.TB, name string, echo Echo, user string) {
	tb.Helper()
	identity := s.identity(user)
	for field, want := range identity {
		if slices.Equal(want, []string{""}) && len(echo.Header.Values(field)) == 0 {
			continue // some proxies leave an empty field out
		}
		if got := echo.Header.Values(field); !slices.Equal(got, want) {
			tb.Errorf("%s: the backend saw %s: %q, want %q alone", name, field, got, want)
		}
		if got := echo.Beyond.Values(field); !slices.Equal(got, want) {
			tb.Errorf("%s: a proxy in the backend's place passes on %s: %q, want %q alone", name, field, got, want)
		}
	}
	for field, values := range echo.Header { // more than in Beyond
		if identity[field] != nil || s.PassesEmpty && slices.Contains(identityNames, field) && slices.Equal(values, []string{""}) {
			continue
		}
		switch like := alike(field); {
		case like == "x-auth-scope" && !s.PassesScope, like == "authorization",
			slices.ContainsFunc(identityNames, func(n string) bool { return alike(n) == like }):
			tb.Errorf("%s: the backend saw %s: %q", name, field, values)
		}
	}
}

// CheckIdentity checks a site whose service has Keyring and where every token
// may ask for /.
func (s *Site) CheckIdentity(tb testing.TB) {
	tb.Helper()
	s.checkIdentity(tb, "/")
}

// checkIdentity checks that nothing that a client sends changes who the backend
// takes it for. Every token of Keyring may ask for the path.
func (s *Site) checkIdentity(tb testing.TB, path string) {
	tb.Helper()
	for _, fields := range [][]string{nil, spoofed} {
		s.checkPassed(tb, Request{Name: "valid", Path: path, Want: []int{200}, Fields: append(fields[:len(fields):len(fields)], Bearer(Metrics))})
		s.Check(tb, Request{Name: "missing", Path: path, Fields: fields, Want: []int{401}})
	}
	s.checkLookalikes(tb, path)
	s.checkNominated(tb, path)
}

// checkPassed is Check of a request with the token Metrics. The proxy may also
// refuse it, but must not pass it on under another identity.
func (s *Site) checkPassed(tb testing.TB, r Request) {
	tb.Helper()
	answer := s.Check(tb, r)
	if answer.Status != http.StatusOK {
		return
	}
	echo := answer.Echo(tb)
	s.checkEcho(tb, r.Name, echo, "grafana")
	// Nobody would check the requests in a tunnel to the backend.
	if got := echo.Header.Get("Upgrade"); strings.Contains(strings.ToLower(got), "h2c") {
		tb.Errorf("%s: the backend is asked to upgrade to %q", r.Name, got)
	}
}

// checkLookalikes sends fields whose names equal those of the identity when every
// byte except letters and digits counts as "-". A proxy may refuse the request if
// HTTP does not allow the name, or if it finds the name suspicious.
func (s *Site) checkLookalikes(tb testing.TB, path string) {
	tb.Helper()
	// Several at once, some of them empty: a proxy that looks at one must look at
	// all.
	s.checkPassed(tb, Request{
		Name: "several lookalikes", Path: path, Want: []int{200, 400},
		Fields: []string{"X.Auth.Request.User:", "X!Auth!Request!User: root", "X~Auth~Request~User:", Bearer(Metrics)},
	})
	for c := byte(' '); c < 0xff; c++ {
		if c == ':' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || 0x80 < c && c < 0xfe {
			continue
		}
		for _, n := range []int{1, -1} { // the first "-", or all of them
			var fields []string
			for _, name := range append(identityNames, "X-Auth-Scope") {
				fields = append(fields, strings.Replace(name, "-", string([]byte{c}), n)+": root")
			}
			name := fmt.Sprintf("%q for %d of the \"-\"", c, n)
			want := []int{200, 400}
			if c == '-' {
				want = []int{200}
			}
			s.checkPassed(tb, Request{Name: name, Path: path, Fields: append(fields, Bearer(Metrics)), Want: want})
			s.Check(tb, Request{Name: name, Path: path, Fields: fields, Want: []int{400, 401}})
		}
	}
}

type nomination struct {
	always bool
	lines  []string
}

// nominations are those of the fields that the backend must see. For a site that passes
// on the whole identity, they name the other two in the place of the user.
func (s *Site) nominations() []nomination {
	if !s.Whole {
		return nominations
	}
	var whole []nomination
	for _, n := range nominations {
		for _, name := range []string{"Scopes", "Key"} {
			var lines []string
			for _, line := range n.lines {
				lines = append(lines, inPlaceOfUser(name, line))
			}
			whole = append(whole, nomination{n.always, lines})
		}
	}
	return whole
}

// inPlaceOfUser writes another identity field into a line that names the user's.
func inPlaceOfUser(name, line string) string {
	return strings.NewReplacer("User", name, "user", strings.ToLower(name), "USER", strings.ToUpper(name)).Replace(line)
}

// nominations are the field lines by which a client may tell a proxy, or the one
// behind it, to drop fields (RFC 9110, section 7.6.1). If always is set, the
// request must be answered as it would be without them. Otherwise the proxy may
// also refuse it.
var nominations = []nomination{
	{true, []string{"Connection: close, X-Auth-Request-User"}},
	{true, []string{"Connection: X-Auth-Request-User"}},
	{true, []string{"connection: x-auth-request-user"}},
	{true, []string{"CONNECTION: X-AUTH-REQUEST-USER, keep-alive"}},
	{true, []string{"Connection: keep-alive,X-Auth-Request-User,"}},
	{true, []string{"Connection: close", "Connection: X-Auth-Request-User"}},
	{true, []string{"Connection: X-Auth-Request-User", "Connection: close"}},
	{true, []string{"Connection: close,\tX-Auth-Request-User\t,keep-alive"}},
	{true, []string{"Connection:X-Auth-Request-User\t "}},
	{true, []string{"Connection: , ,X-Auth-Request-User,, , close"}},
	{true, []string{"Connection: X-Auth-Request-User, X-Auth-Request-User, X-Auth-Request-User"}},
	{true, []string{"Connection: X-Auth-Request-User,X-Auth-Request-User,X-Auth-Request-User,close"}},
	{true, []string{"Connection: X-Auth-Request-Scopes, X-Auth-Request-Key, close"}},
	{true, []string{"Connection: X_Auth_Request_User, close"}},
	{true, []string{"Connection: X.Auth.Request.User"}},
	{true, []string{"Connection: close, X-Auth_Request!User"}},
	{true, []string{"Connection: close, xX-Auth-Request-User, X-Auth-Request-Userx"}},
	{true, []string{"Proxy-Connection: X-Auth-Request-User"}},
	{true, []string{"Proxy-Connection: close, X-Auth-Request-User", "Connection: close"}},
	{true, []string{"Connection: keep-alive, X-Auth-Request-User", "Keep-Alive: X-Auth-Request-User"}},
	{false, []string{"Connection: X-X-Auth-Request-User-Auth-Request-User"}},
	{false, []string{"Connection: X-Auth-Request-X-Auth-Request-UserUser, close"}},
	{false, []string{"Connection: closX-Auth-Request-Usere"}},
	{false, []string{`Connection: "X-Auth-Request-User"`}},
	{false, []string{"Connection: X-Auth-Request-User;q=1"}},
	{false, []string{"Connection: close X-Auth-Request-User"}},
	{false, []string{"Connection: close,\vX-Auth-Request-User"}},
	{false, []string{"Connection: close,\r\n X-Auth-Request-User"}},
	{false, []string{"Connection : X-Auth-Request-User"}},
	{false, []string{"Connection: *"}},
	{false, []string{"Connection: " + strings.Repeat("x, ", 300) + "X-Auth-Request-User"}},
	{false, []string{"Connection: TE, X-Auth-Request-User", "TE: trailers"}},
	{false, []string{"Connection: TE", "TE: X-Auth-Request-User"}},
	{false, []string{"Connection: Trailer, X-Auth-Request-User", "Trailer: X-Auth-Request-User"}},
	{false, []string{"Connection: Upgrade, X-Auth-Request-User", "Upgrade: h2c"}},
	{false, []string{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"}},
	{false, []string{"Connection: Upgrade", "Upgrade: X-Auth-Request-User"}},
	{false, []string{"Connection: Authorization"}},
	{false, []string{"Connection: close, authorization"}},
	{false, []string{"Connection: Authorization, X-Auth-Request-User"}},
	{false, []string{"Connection: X-Auth-Scope"}},
	{false, []string{"Connection: X-Original-URI, X-Real-IP, X-Forwarded-For"}},
	{false, []string{"Connection: Host, Cookie, Content-Length"}},
	{false, []string{"Connection: Connection, X-Auth-Request-User"}},
}

// checkNominated checks that a client's Connection field, or one of its siblings,
// neither removes the identity nor forges one. If it names the token, the proxy may
// at most treat the token as missing.
func (s *Site) checkNominated(tb testing.TB, path string) {
	tb.Helper()
	for _, n := range s.nominations() {
		name := fmt.Sprintf("%.100q", n.lines)
		want := []int{200}
		if !n.always {
			want = []int{200, 400, 401, 403}
		}
		for _, fields := range [][]string{nil, spoofed} {
			r := Request{Name: name, Path: path, Connection: n.lines, Fields: append(fields[:len(fields):len(fields)], Bearer(Metrics)), Want: want}
			s.checkPassed(tb, r)
			for who, fields := range map[string][]string{
				"missing": fields,
				"unknown": append(fields[:len(fields):len(fields)], Bearer(Stranger)),
			} {
				s.Check(tb, Request{Name: name + ", " + who, Path: path, Connection: n.lines, Fields: fields, Want: []int{400, 401, 403}})
			}
		}
	}
}

// CheckUpgrade checks that a request for a WebSocket gets one if and only if it has
// a token. The backend must learn who asks, whatever else the Connection field
// names. The service has Keyring; every token may ask for the path.
func (s *Site) CheckUpgrade(tb testing.TB, path string) {
	tb.Helper()
	for _, connection := range []string{
		"Connection: Upgrade", "Connection: keep-alive, Upgrade",
		"Connection: X-Auth-Request-User, Upgrade", "Connection: Upgrade,x-auth-request-user",
		"Connection: keep-alive, X-Auth-Request-User, Upgrade, X-Auth-Request-Key", "Connection: X-Auth-Request-User\r\nConnection: Upgrade",
		"Connection: X-Auth-Request-Scopes, Upgrade", "Connection: Upgrade,x-auth-request-key,x-auth-request-scopes",
	} {
		fields := []string{connection, "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}
		answer := Send(tb, s.Address, get(path, append(fields, Bearer(Metrics))...))
		if answer.Status != http.StatusSwitchingProtocols {
			tb.Errorf("%q: status %d, want 101", connection, answer.Status)
			continue
		}
		s.checkEcho(tb, connection, answer.Switched, "grafana")
		for _, authorization := range [][]string{nil, {Bearer(Stranger)}} {
			if got := Send(tb, s.Address, get(path, append(fields, authorization...)...)).Status; got != http.StatusUnauthorized {
				tb.Errorf("%q without a token: status %d", connection, got)
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
