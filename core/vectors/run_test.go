package vectors

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Faults of a build must not pass, and neither must a run that asks nothing.
func TestRunFindsFaults(t *testing.T) {
	verdicts := []Verdict{
		{Name: "granted", Comment: "c", Expect: Outcome{Status: 200, Reason: "granted", Principal: "p"}, Except: map[Build]string{Reactor: "why"}},
		{Name: "expired", Comment: "c", Expect: Outcome{Status: 401, Reason: "expired", Principal: "p"}},
		{Name: "unknown", Comment: "c", Expect: Outcome{Status: 401, Reason: "unknown", Principal: ""}, Except: map[Build]string{Server: "why"}},
	}
	expected := func(v *Verdict) (Outcome, error) { return v.Expect, nil }
	always := func(o Outcome) func(*Verdict) (Outcome, error) {
		return func(*Verdict) (Outcome, error) { return o, nil }
	}
	tests := []struct {
		name   string
		s      Subject
		asked  []string
		failed []string
		fatal  bool
	}{
		{"right", Subject{Build: Core, Decide: expected}, []string{"granted", "expired", "unknown"}, nil, false},
		{"right, with an exception", Subject{Build: Reactor, Decide: expected}, []string{"expired", "unknown"}, nil, false},
		{"right, seen from outside", Subject{Build: Server, Opaque: true, Decide: func(v *Verdict) (Outcome, error) {
			if v.Expect.Status != 200 {
				return Outcome{Status: v.Expect.Status}, nil
			}
			return Outcome{Status: 200, Principal: "p"}, nil
		}}, []string{"granted", "expired"}, nil, false},
		{"denies all", Subject{Build: Core, Decide: always(Outcome{Status: 401, Reason: "unknown", Principal: ""})}, []string{"granted", "expired", "unknown"}, []string{"granted", "expired"}, false},
		{"grants all", Subject{Build: Core, Opaque: true, Decide: always(Outcome{Status: 200, Reason: "granted", Principal: "p"})}, []string{"granted", "expired", "unknown"}, []string{"expired", "unknown"}, false},
		{"another principal", Subject{Build: Core, Opaque: true, Decide: always(Outcome{Status: 200, Reason: "", Principal: "q"})}, []string{"granted", "expired", "unknown"}, []string{"granted", "expired", "unknown"}, false},
		{"an error", Subject{Build: Core, Decide: func(v *Verdict) (Outcome, error) { return v.Expect, errors.New("broken") }}, []string{"granted", "expired", "unknown"}, []string{"granted", "expired", "unknown"}, false},
		{"no build", Subject{Build: "nuclear", Decide: expected}, nil, nil, true},
	}
	for _, tt := range tests {
		var asked, failed []string
		count, excepted, err := check(verdicts, tt.s, func(name string, err error) {
			asked = append(asked, name)
			if err != nil {
				failed = append(failed, name)
			}
		})
		if (err != nil) != tt.fatal || !slices.Equal(asked, tt.asked) || !slices.Equal(failed, tt.failed) {
			t.Errorf("%s: asked %q, failed %q, error %v", tt.name, asked, failed, err)
		}
		if count != len(tt.asked) || !tt.fatal && excepted != len(verdicts)-len(tt.asked) {
			t.Errorf("%s: %d asked, %d excepted", tt.name, count, excepted)
		}
	}
	report := func(string, error) {}
	if _, _, err := check(nil, Subject{Build: Core, Decide: expected}, report); err == nil {
		t.Error("a run of an empty table passes")
	}
	if _, _, err := check(verdicts[:1], Subject{Build: Reactor, Decide: expected}, report); err == nil {
		t.Error("a run in which all is excepted passes")
	}
}

// What a build says of the challenges and of the owner of a token is compared, if it
// says anything.
func TestCompare(t *testing.T) {
	denied := Outcome{Status: 401, Reason: "missing", Challenges: []string{"Basic", "Bearer"}}
	silent := Outcome{Status: 401, Reason: "missing"}
	granted := Outcome{Status: 200, Reason: "granted", Principal: "p", Scopes: "a b", Key: "01234567"}
	with := func(o Outcome, change func(*Outcome)) Outcome {
		change(&o)
		return o
	}
	tests := []struct {
		name     string
		identity string
		want     Outcome
		got      Outcome
		ok       bool
	}{
		{"the same challenges", "", denied, denied, true},
		{"no word on challenges", "", denied, silent, true},
		{"no challenge", "", denied, with(denied, func(o *Outcome) { o.Challenges = []string{} }), false},
		{"one challenge", "", denied, with(denied, func(o *Outcome) { o.Challenges = o.Challenges[:1] }), false},
		{"challenges in another order", "", denied, with(denied, func(o *Outcome) { o.Challenges = []string{"Bearer", "Basic"} }), false},
		{"none, as expected", "", silent, with(silent, func(o *Outcome) { o.Challenges = []string{} }), true},
		{"one where there is none", "", silent, denied, false},
		{"the same owner", "user,scopes,key", granted, granted, true},
		{"other scopes", "user,scopes,key", granted, with(granted, func(o *Outcome) { o.Scopes = "b a" }), false},
		{"no scopes", "user,scopes,key", granted, with(granted, func(o *Outcome) { o.Scopes = "" }), false},
		{"another key id", "user,scopes,key", granted, with(granted, func(o *Outcome) { o.Key = "76543210" }), false},
		{"no owner", "user,scopes,key", granted, with(granted, func(o *Outcome) { o.Principal = "" }), false},
		{"no owner by default", "", granted, with(granted, func(o *Outcome) { o.Principal = "" }), false},
		{"no owner in a list without user", "scopes, key", granted, with(granted, func(o *Outcome) { o.Principal = "" }), false},
		{"another owner", "scopes, key", granted, with(granted, func(o *Outcome) { o.Principal = "q" }), false},
	}
	for _, tt := range tests {
		v := Verdict{Identity: tt.identity, Expect: tt.want}
		for _, opaque := range []bool{false, true} {
			if err := v.compare(tt.got, opaque); (err == nil) != tt.ok {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
}

const (
	date    = "Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n"
	empty   = "Content-Length: 0\r\n"
	granted = "HTTP/1.1 200 OK\r\n" + date + empty + "Cache-Control: no-store\r\nX-Auth-Request-User: p\r\n"
	denied  = "HTTP/1.1 401 Unauthorized\r\n" + date + empty + "Cache-Control: no-store\r\nWWW-Authenticate: Bearer\r\n"
	lacking = "HTTP/1.1 403 Forbidden\r\n" + date + empty + "Cache-Control: no-store\r\nWWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"a\"\r\n"
	broken  = "HTTP/1.1 400 Bad Request\r\n" + date + empty + "Connection: close\r\n"
	healthy = "HTTP/1.1 200 OK\r\n" + date + "Content-Type: text/plain\r\nContent-Length: 7\r\n\r\nhealthy"
	end     = "\r\n"
)

func TestCheckExchange(t *testing.T) {
	p := Text("p")
	ok := expectation{Status: statuses{200}, Fields: map[string]*Text{"x-AUTH-request-user": &p, "Connection": nil}}
	health := expectation{Status: statuses{200}, Body: Text("healthy")}
	no := expectation{Status: statuses{401, 403}}
	bad := expectation{Status: statuses{400}}
	head := expectation{Status: statuses{200}, Head: true}
	asking := func(challenges ...string) expectation {
		return expectation{Status: statuses{401}, Challenges: challenges}
	}
	twice := strings.Replace(denied, "WWW-Authenticate: Bearer\r\n", "WWW-Authenticate: Basic\r\nWWW-Authenticate: Bearer\r\n", 1)
	never := strings.Replace(denied, "WWW-Authenticate: Bearer\r\n", "", 1)
	open := func(want ...expectation) Exchange { return Exchange{expect: want, After: Open} }
	closing := func(want ...expectation) Exchange { return Exchange{expect: want, After: Closed} }
	either := func(want ...expectation) Exchange { return Exchange{expect: want} }
	recorded := func(health bool, contract ...string) Exchange { return Exchange{contract: contract, health: health} }
	tests := []struct {
		name     string
		e        Exchange
		received string
		closed   bool
		complete bool
		ok       bool
	}{
		{"as expected", open(ok), granted + end, false, true, true},
		{"closed too early", open(ok), granted + end, true, true, false},
		{"closed as expected", closing(bad), broken + end, true, true, true},
		{"left open", closing(bad), broken + end, false, true, false},
		{"open or closed", either(ok), granted + end, true, true, true},
		{"several", open(ok, health, no), granted + end + healthy + lacking + end, false, true, true},
		{"one of two statuses", open(no), denied + end, false, true, true},
		{"one too few", open(ok, ok), granted + end, false, false, false},
		{"one too many", open(ok), granted + end + granted + end, false, true, false},
		{"half a response more", open(ok), granted + end + "HTTP/1.1 2", false, true, false},
		{"cut in the head", open(ok), granted, false, false, false},
		{"cut in the body", open(health), healthy[:len(healthy)-1], false, false, false},
		{"in another order", open(ok, no), denied + end + granted + end, false, true, false},
		{"another status", open(ok), denied + end, false, true, false},
		{"another value", open(ok), strings.Replace(granted, ": p", ": q", 1) + end, false, true, false},
		{"a value twice", open(ok), granted + "X-Auth-Request-User: p\r\n" + end, false, true, false},
		{"a field that must not be there", open(ok), granted + "Connection: keep-alive\r\n" + end, false, true, false},
		{"more behind close", either(bad, bad), broken + end + broken + end, true, true, false},
		{"an answer to HEAD", open(head), strings.TrimSuffix(healthy, "healthy"), false, true, true},
		{"an answer to HEAD with a body", open(head), healthy, false, true, false},
		{"two challenges", open(asking("Basic", "Bearer"), no), twice + end + denied + end, false, true, true},
		{"two challenges in another order", open(asking("Bearer", "Basic")), twice + end, false, true, false},
		{"one challenge of two", open(asking("Basic", "Bearer")), denied + end, false, true, false},
		{"two challenges where one is right", open(asking("Bearer")), twice + end, false, true, false},
		{"no challenge", open(asking([]string{}...)), never + end, false, true, true},
		{"a challenge too many", open(asking([]string{}...)), denied + end, false, true, false},
		{"silence", open(), "", false, true, true},
		{"not silent", open(), granted + end, false, true, false},
		{"closed in silence", open(), "", true, true, false},
		{"the recorded status", recorded(false, "400", "200"), granted + end, false, true, true},
		{"not the recorded status", recorded(false, "400"), granted + end, false, true, false},
		{"only the first counts", recorded(false, "200"), granted + end + broken + end, true, true, true},
		{"recorded health", recorded(true, "200"), healthy, false, true, true},
		{"a verdict for recorded health", recorded(true, "200"), granted + end, false, true, false},
		{"health for a recorded verdict", recorded(false, "200"), healthy, false, true, false},
		{"recorded silence", recorded(false, noResponse), "", false, false, true},
		{"recorded silence, closed", recorded(false, noResponse), "", true, false, false},
		{"recorded close", recorded(false, closedWithoutResponse), "", true, false, true},
	}
	for _, tt := range tests {
		if complete := tt.e.Complete([]byte(tt.received)); complete != tt.complete {
			t.Errorf("%s: complete %t", tt.name, complete)
		}
		if err := tt.e.Check([]byte(tt.received), tt.closed); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	// An error names the response, counted from 1.
	for name, c := range map[string]struct {
		received, want string
	}{
		"form":   {granted + end + granted + "Server: x\r\n" + end, "response 2: "},
		"status": {granted + end + denied + end, "response 2: "},
		"parse":  {granted + end + "no response\r\n" + end, "response 2: "},
	} {
		e := either(ok, ok)
		if err := e.Check([]byte(c.received), false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	request := Exchange{Request: []byte("HEAD /health HTTP/1.1\r\n"), contract: []string{"200"}, health: true}
	if err := request.Check([]byte(strings.TrimSuffix(healthy, "healthy")), false); err != nil {
		t.Errorf("a recorded answer to HEAD: %v", err)
	}
}

// What no response may be, whatever the case expects.
func TestCheckForm(t *testing.T) {
	for _, good := range []string{
		granted + end, denied + end, lacking + end, broken + end, healthy,
		"HTTP/1.1 404 Not Found\r\n" + date + empty + end,
		"HTTP/1.1 405 Method Not Allowed\r\n" + date + empty + "Allow: GET, HEAD\r\n" + end,
		"HTTP/1.1 500 Internal Server Error\r\n" + date + empty + "Cache-Control: no-store\r\n" + end,
		strings.Replace(broken, "400 Bad Request", "431 Request Header Fields Too Large", 1) + end,
	} {
		if err := formOf(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for name, bad := range map[string]string{
		"another protocol":         strings.Replace(granted, "HTTP/1.1", "HTTP/1.0", 1) + end,
		"no reason phrase":         strings.Replace(granted, "200 OK", "200", 1) + end,
		"a status of two digits":   strings.Replace(granted, "200", "20", 1) + end,
		"a status that is a word":  strings.Replace(granted, "200", "two", 1) + end,
		"bare LF":                  strings.ReplaceAll(granted, "\r\n", "\n") + end + end,
		"no space after the colon": granted + "A:b\r\n" + end,
		"a space before the colon": granted + "A : b\r\n" + end,
		"a folded line":            granted + " a: b\r\n" + end,
		"NUL":                      granted + "A: \x00\r\n" + end,
		"no Content-Length":        strings.Replace(granted, empty, "", 1) + end,
		"Content-Length twice":     granted + empty + end,
		"Content-Length negative":  strings.Replace(granted, "Length: 0", "Length: -1", 1) + end,
		"no Date":                  strings.Replace(granted, date, "", 1) + end,
		"Date twice":               granted + date + end,
		"Date of another form":     strings.Replace(granted, "GMT", "UTC", 1) + end,
		"Server":                   granted + "Server: x\r\n" + end,
		"Transfer-Encoding":        granted + "Transfer-Encoding: chunked\r\n" + end,
		"a verdict with a body":    strings.Replace(granted, "Length: 0", "Length: 1", 1) + end + "x",
		"a verdict with a type":    granted + "Content-Type: text/html\r\n" + end,
		"a denial with a body":     strings.Replace(denied, "Length: 0", "Length: 1", 1) + end + "x",
		"a verdict that is stored": strings.Replace(granted, "Cache-Control: no-store\r\n", "", 1) + end,
		"a denial that is stored":  strings.Replace(denied, "no-store", "no-cache", 1) + end,
		"no principal":             strings.Replace(granted, "X-Auth-Request-User: p\r\n", "", 1) + end,
		"two principals":           granted + "X-Auth-Request-User: q\r\n" + end,
		"a denied principal":       denied + "X-Auth-Request-User: p\r\n" + end,
		"a lacking principal":      lacking + "X-Auth-Request-User: p\r\n" + end,
		"a healthy principal":      strings.Replace(healthy, date, date+"X-Auth-Request-User: p\r\n", 1),
		"another word of health":   strings.Replace(healthy, "\r\nhealthy", "\r\nunwell!", 1),
		"no challenge":             strings.Replace(denied, "WWW-Authenticate: Bearer\r\n", "", 1) + end,
		"two challenges":           denied + "WWW-Authenticate: Bearer\r\n" + end,
		"another challenge":        strings.Replace(denied, ": Bearer", ": Basic", 1) + end,
		"no reason for 403":        strings.Replace(lacking, ` error="insufficient_scope", scope="a"`, "", 1) + end,
		"a challenge with 200":     granted + "WWW-Authenticate: Bearer\r\n" + end,
		"405 without Allow":        "HTTP/1.1 405 Method Not Allowed\r\n" + date + empty + end,
		"400 that stays open":      strings.Replace(broken, "Connection: close\r\n", "", 1) + end,
	} {
		if formOf(bad) == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func formOf(received string) error {
	r, rest, complete, err := nextResponse([]byte(received), false)
	if err != nil {
		return err
	}
	if !complete || len(rest) > 0 {
		return fmt.Errorf("complete %t, %d bytes more", complete, len(rest))
	}
	return r.checkForm()
}
