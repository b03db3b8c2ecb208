package server

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// verdictRequest writes a verdict of the table as a request, with further field
// lines before and after its own.
func verdictRequest(v *vectors.Verdict, method, before, after string) []byte {
	var b bytes.Buffer
	target := "/auth"
	separator := "?"
	for _, scope := range v.Scopes {
		if core.CheckScope(scope) == nil {
			target += separator + "scope=" + scope
			separator = "&"
		}
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: a\r\n%s", method, target, before)
	for _, value := range v.Authorization {
		fmt.Fprintf(&b, "Authorization: %s\r\n", value)
	}
	for _, field := range v.Fields {
		fmt.Fprintf(&b, "%s: %s\r\n", field[0], field[1])
	}
	for _, scope := range v.Scopes {
		if core.CheckScope(scope) != nil { // the proxy's URL cannot hold it; its header can
			fmt.Fprintf(&b, "X-Auth-Scope: %s\r\n", scope)
		}
	}
	b.WriteString(after + "\r\n")
	return b.Bytes()
}

// subject answers the table's verdicts through the server's pure part.
func subject(t *testing.T, method, before, after string) vectors.Subject {
	workers := map[string]*worker{}
	return vectors.Subject{Build: vectors.Server, Opaque: true, Decide: func(v *vectors.Verdict) (vectors.Outcome, error) {
		w := workers[v.Configuration]
		if w == nil {
			w = verdictWorker(t, v)
			workers[v.Configuration] = w
		}
		w.setTime(time.Unix(v.Now, 0))
		out, _ := advanceAll(w, verdictRequest(v, method, before, after))
		response := string(out)
		o := vectors.Outcome{Challenges: fieldsOf(response, "WWW-Authenticate")}
		if _, err := fmt.Sscanf(response, "HTTP/1.1 %d", &o.Status); err != nil {
			return o, fmt.Errorf("%q: %w", response, err)
		}
		for name, told := range map[string]*string{"User": &o.Principal, "Scopes": &o.Scopes, "Key": &o.Key} {
			values := fieldsOf(response, "X-Auth-Request-"+name)
			if (len(values) == 1) != (o.Status == 200 && v.Tells(strings.ToLower(name))) || len(values) > 1 {
				return o, fmt.Errorf("identities %q in %q", values, response)
			}
			*told = strings.Join(values, "")
		}
		return o, nil
	}}
}

// verdictWorker returns the pure part of a server that is configured for a verdict.
func verdictWorker(t *testing.T, v *vectors.Verdict) *worker {
	t.Helper()
	accept, err := core.ParseAccept(cmp.Or(v.Accept, "bearer"))
	if err != nil {
		t.Fatal(err)
	}
	if v.Accept == "" {
		accept = core.Accept{} // which is to mean the same
	}
	identity, err := core.ParseIdentity(cmp.Or(v.Identity, "user"))
	if err != nil {
		t.Fatal(err)
	}
	return newWorkerWith(newKeyring(t, string(v.Token), string(v.Keyring)), Options{Accept: accept, Realm: v.Realm, Identity: identity})
}

// namesAccepted reports whether a token may come in one of the field lines.
func namesAccepted(w *worker, lines string) bool {
	return slices.ContainsFunc(w.accept.Fields, func(name string) bool {
		return strings.Contains("\n"+strings.ToLower(lines), "\n"+name+":")
	})
}

// fieldsOf returns the values of a response's field in their order.
func fieldsOf(response, name string) []string {
	values := []string{}
	for line := range strings.SplitSeq(response, "\r\n") {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			values = append(values, value)
		}
	}
	return values
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	vectors.Run(t, subject(t, "GET", "", ""))
}

// TestNothingElseDecides is the metamorphic one: no other field, and no method,
// changes a verdict.
func TestNothingElseDecides(t *testing.T) {
	t.Parallel()
	checked := 0
	variations := []struct{ method, fields string }{
		{"GET", "X-Forwarded-User: admin\r\nX-Forwarded-Method: OPTIONS\r\nX-Forwarded-Uri: /health\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: localhost\r\n"},
		{"GET", "X-Original-URI: /health\r\nX-Original-Method: OPTIONS\r\nX-Original-URL: http://localhost/public\r\nX-Rewrite-URL: /health\r\n"},
		{"GET", "X_Forwarded_For: 127.0.0.1\r\nX_Auth_Request_User: admin\r\nX-Auth-Request-User: admin\r\nX-Auth-Request-Email: a@b\r\n"},
		{"GET", "User-Agent: kube-probe/1.0\r\nCookie: session=1; token=x\r\nReferer: http://localhost/\r\nOrigin: null\r\n"},
		{"GET", "X-Real-IP: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\nVia: 1.1 x\r\nTrue-Client-IP: ::1\r\n"},
		{"POST", "X-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n"},
		{"HEAD", "Accept: */*\r\n"},
		{"OPTIONS", "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: authorization\r\n"},
		{"DELETE", "Proxy-Authorization: Bearer " + testToken + "\r\nProxy_Authorization: x\r\n"},
		{"GET", "Authorization-Info: x\r\nHTTP_AUTHORIZATION: Bearer x\r\nX-Authorization: Bearer x\r\n"},
		{"GET", "Upgrade: websocket\r\nConnection: Upgrade\r\n"},
		{"GET", "Connection: authorization\r\n"},
		{"GET", "X_API_Key: " + testToken + "\r\nX-API_Key: x\r\nX-API-Keys: x\r\nX-Api: x\r\n"},
		{"GET", "Api-Key: " + testToken + "\r\nAuth-Token: x\r\nX-Auth-Token: x\r\nToken: x\r\n"},
		{"GET", "Connection: x-api-key\r\n"},
	}
	for _, v := range vectors.Verdicts() {
		if v.Except[vectors.Server] != "" {
			continue
		}
		w := verdictWorker(t, &v)
		w.setTime(time.Unix(v.Now, 0))
		plain, _ := advanceAll(w, verdictRequest(&v, "GET", "", ""))
		for _, variation := range variations {
			if namesAccepted(w, variation.fields) { // it is no other field, then
				continue
			}
			for _, request := range [][]byte{
				verdictRequest(&v, variation.method, variation.fields, ""),
				verdictRequest(&v, variation.method, "", variation.fields),
			} {
				if len(request) > int(http1.DefaultLimit) { // such a one is refused unseen
					continue
				}
				got, _ := advanceAll(w, request)
				if status(string(got)) != status(string(plain)) {
					t.Errorf("%s: %s, but %s with %s and %q", v.Name, status(string(plain)), status(string(got)), variation.method, variation.fields)
				}
				checked++
			}
		}
	}
	if checked < 1000 {
		t.Errorf("only %d requests checked", checked)
	}
}
