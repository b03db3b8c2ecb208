package proxytest

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// AcceptVariable makes a service take a token from each place that CheckAccepts uses.
const AcceptVariable = "ACCEPT=bearer,basic,header:X-API-Key"

// BasicChallenge is the challenge of a service that accepts Basic.
const BasicChallenge = `Basic realm="auth-service", charset="UTF-8"`

// Basic returns a field line with a user name and a password.
func Basic(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// Says checks that a page has the texts, as code. What a test adds to an example must be
// what users are told to add.
func Says(tb testing.TB, file string, texts ...string) {
	tb.Helper()
	page, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		tb.Fatal(err)
	}
	for _, text := range texts {
		if !strings.Contains(string(page), "`"+text+"`") {
			tb.Errorf("%s does not say `%s`", file, text)
		}
	}
}

// CheckAccepts checks a site whose service has Token and AcceptVariable, and which
// passes X-API-Key to the service and not to the backend. Without a service, the proxy
// decides itself, and knows Token as that of "default". If a proxy passes on only one
// of several X-API-Key fields, twice is the status of a valid one that stands first.
func (s *Site) CheckAccepts(tb testing.TB, twice ...int) {
	tb.Helper()
	const user = "somebody"
	const key, unknownKey = "X-API-Key: " + Token, "X-API-Key: " + Stranger
	valid, denied := []int{200}, []int{400, 401}
	for _, r := range []Request{
		{Name: "Bearer", Fields: []string{Bearer(Token)}, Want: valid},
		{Name: "missing", Want: denied},
		{Name: "curl -u user:TOKEN", Fields: []string{Basic(user, Token)}, Want: valid},
		{Name: "curl -u :TOKEN", Fields: []string{Basic("", Token)}, Want: valid},
		{Name: "curl -u TOKEN:", Fields: []string{Basic(Token, "")}, Want: valid},
		{Name: "Basic in lower case", Fields: []string{strings.Replace(Basic(user, Token), "Basic", "basic", 1)}, Want: valid},
		{Name: "Basic, an unknown password", Fields: []string{Basic(user, Stranger)}, Want: denied},
		{Name: "Basic, the token as user name beside a password", Fields: []string{Basic(Token, Stranger)}, Want: denied},
		{Name: "Basic, no password and no user name", Fields: []string{Basic("", "")}, Want: denied},
		{Name: "Basic, without padding", Fields: []string{strings.TrimRight(Basic(user, Token), "=")}, Want: denied},
		{Name: "Basic, not encoded", Fields: []string{"Authorization: Basic user:" + Token}, Want: denied},
		{Name: "X-API-Key", Fields: []string{key}, Want: valid},
		{Name: "x-api-key", Fields: []string{strings.ToLower("X-API-Key: ") + Token}, Want: valid},
		{Name: "X-API-Key, unknown", Fields: []string{unknownKey}, Want: denied},
		{Name: "X-API-Key, empty", Fields: []string{"X-API-Key:"}, Want: denied},
		{Name: "X-API-Key, with a scheme", Fields: []string{"X-API-Key: Bearer " + Token}, Want: denied},
		{Name: "X_API_Key", Fields: []string{"X_API_Key: " + Token}, Want: denied},
		{Name: "X-API-Key beside a scheme that is not accepted", Fields: []string{key, "Authorization: Digest x"}, Want: valid},
		{Name: "two places, Bearer", Fields: []string{key, Bearer(Token)}, Want: denied},
		{Name: "two places, Basic", Fields: []string{Basic(user, Token), key}, Want: denied},
		{Name: "two places, one unknown", Fields: []string{key, Bearer(Stranger)}, Want: denied},
		{Name: "two places, the other unknown", Fields: []string{unknownKey, Basic(user, Token)}, Want: denied},
		{Name: "X-API-Key twice, valid first", Fields: []string{key, unknownKey}, Want: append(denied[:2:2], twice...)},
		{Name: "X-API-Key twice, valid last", Fields: []string{unknownKey, key}, Want: denied},
		{Name: "X-API-Key is to be dropped", Fields: []string{"Connection: X-API-Key", unknownKey}, Want: denied},
	} {
		s.checkKeyStays(tb, r, nil)
	}
	if s.Service == nil {
		return
	}
	s.Service.AwaitLog(tb, "reason=malformed")
	s.Service.AwaitLog(tb, "reason=unknown")
	if log := s.Service.Log.String(); strings.Contains(log, Token) || strings.Contains(log, Stranger) || strings.Contains(log, user) {
		tb.Errorf("the log has a token or a user name: %s", log)
	}
}

// CheckOwnAuthorization checks a site whose service has Token and takes it from
// X-API-Key alone, so that the backend gets the client's Authorization.
func (s *Site) CheckOwnAuthorization(tb testing.TB) {
	tb.Helper()
	const key = "X-API-Key: " + Token
	own := []string{Basic("backend", "password")}
	for _, r := range []Request{
		{Name: "X-API-Key", Fields: []string{key}, Want: []int{200}},
		{Name: "X-API-Key, and what is for the backend", Fields: []string{own[0], key}, Want: []int{200}},
		{Name: "X-API-Key, and Bearer for the backend", Fields: []string{Bearer("of-the-backend"), key}, Want: []int{200}},
		{Name: "only what is for the backend", Fields: own, Want: []int{401}},
		{Name: "token in Authorization", Fields: []string{Bearer(Token)}, Want: []int{401}},
		{Name: "unknown, and a token in Authorization", Fields: []string{Bearer(Token), "X-API-Key: " + Stranger}, Want: []int{401}},
	} {
		var authorization []string
		if value, ok := strings.CutPrefix(r.Fields[0], "Authorization: "); ok {
			authorization = []string{value}
		}
		s.checkKeyStays(tb, r, authorization)
	}
}

// checkKeyStays is Check of a request of whose Authorization fields the backend sees
// these values alone. It must not see X-API-Key, in any spelling.
func (s *Site) checkKeyStays(tb testing.TB, r Request, authorization []string) {
	tb.Helper()
	answer := s.Check(tb, r)
	if answer.Status != http.StatusOK {
		return
	}
	echo := answer.Echo(tb)
	if got := echo.Header.Values("Authorization"); !slices.Equal(got, authorization) {
		tb.Errorf("%s: the backend saw Authorization: %q, want %q", r.Name, got, authorization)
	}
	for field, values := range echo.Header {
		if alike(field) == "x-api-key" {
			tb.Errorf("%s: the backend saw %s: %q", r.Name, field, values)
		}
	}
	if got := echo.Header.Values("X-Auth-Request-User"); !slices.Equal(got, []string{"default"}) {
		tb.Errorf("%s: the backend saw the users %q, want default alone", r.Name, got)
	}
}
