package core_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
)

// A plainEntry is an entry of the reference, which knows the tokens.
type plainEntry struct {
	principal, token string
	scopes           []string
	expires          int64
}

// A plainRequest is a request of the reference: the values of each field that carries
// tokens.
type plainRequest struct {
	schemes       core.Schemes
	authorization []string
	fields        [core.MaxFields][]string
	required      string
	now           int64
}

// plainToken finds the one token of a request: every place is looked at, and what is
// found is counted.
func plainToken(r *plainRequest) (token string, reason core.Reason) {
	var found []string
	for _, values := range r.fields {
		if len(values) > 1 {
			return "", core.Malformed
		}
		for _, value := range values {
			if value = strings.Trim(value, " \t"); value != "" {
				found = append(found, value)
			}
		}
	}
	foreign := false
	if r.schemes != core.NoScheme {
		if len(r.authorization) > 1 {
			return "", core.Malformed
		}
		value := strings.Trim(strings.Join(r.authorization, ""), " \t")
		token, form := plainCredentials(r.schemes, value)
		switch form {
		case "malformed":
			return "", core.Malformed
		case "foreign":
			foreign = true
		case "token":
			found = append(found, token)
		}
	}
	switch {
	case len(found) > 1 || foreign && len(found) == 0:
		return "", core.Malformed
	case len(found) == 0:
		return "", core.Missing
	}
	return found[0], core.Granted
}

// plainCredentials reads the value of an Authorization field, less the whitespace around
// it, and says what it is: "token", "malformed", "foreign", or nothing at all.
func plainCredentials(schemes core.Schemes, value string) (token, form string) {
	bearer := schemes == 0 || schemes&core.Bearer != 0
	basic := schemes&core.Basic != 0
	scheme, credentials := value, ""
	if i := strings.IndexAny(value, " \t"); i >= 0 {
		scheme, credentials = value[:i], strings.TrimLeft(value[i:], " \t")
	}
	switch {
	case value == "":
		return "", ""
	case bearer && strings.EqualFold(scheme, "Bearer") && isASCII(scheme):
		if credentials == "" {
			return "", "malformed"
		}
		return credentials, "token"
	case basic && strings.EqualFold(scheme, "Basic") && isASCII(scheme):
		decoded, err := base64.StdEncoding.Strict().DecodeString(credentials)
		user, password, ok := strings.Cut(string(decoded), ":")
		if err != nil || strings.ContainsAny(credentials, "\r\n") || !ok || user+password == "" {
			return "", "malformed"
		}
		return cmp.Or(password, user), "token"
	}
	return "", "foreign"
}

// isASCII reports whether s is ASCII: EqualFold takes U+017F for an s, too.
func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c >= 0x80 })
}

// plainAuthorize is the verdict told in another way: tokens in plain text,
// compared one after the other, the single token last.
func plainAuthorize(entries []plainEntry, r *plainRequest) (reason core.Reason, principal string) {
	if len(entries) == 0 {
		return core.Unconfigured, ""
	}
	token, reason := plainToken(r)
	if reason != core.Granted {
		return reason, ""
	}
	for _, e := range entries {
		if e.token != token {
			continue
		}
		switch {
		case e.expires <= r.now:
			return core.Expired, e.principal
		case !plainSatisfies(e.scopes, r.required):
			return core.InsufficientScope, e.principal
		}
		return core.Granted, e.principal
	}
	return core.Unknown, ""
}

func plainSatisfies(scopes []string, required string) bool {
	needs := strings.FieldsFunc(required, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(needs) == 0 && required != "" {
		return false
	}
	for _, need := range needs {
		if !scopeForm.MatchString(need) || !slices.Contains(scopes, need) && !slices.Equal(scopes, []string{"*"}) {
			return false
		}
	}
	return true
}

// plainEntries makes entries of tokens, one a line, with attributes of a byte
// each: five bits choose scopes, three the expiry.
func plainEntries(single string, tokens, attributes []byte, now int64) []plainEntry {
	var entries []plainEntry
	seen := map[string]bool{}
	names := []string{"read", "write", "metrics", "a"}
	for i, line := range bytes.Split(tokens, []byte("\n")) {
		if len(line) == 0 || seen[string(line)] || len(entries) > 100 {
			continue
		}
		seen[string(line)] = true
		e := plainEntry{principal: "p" + string(rune('0'+i%10)), token: string(line), expires: core.Never}
		a := byte(0)
		if len(attributes) > 0 {
			a = attributes[i%len(attributes)]
		}
		for bit, name := range names {
			if a>>bit&1 != 0 {
				e.scopes = append(e.scopes, name)
			}
		}
		if a&0x10 != 0 {
			e.scopes = []string{core.AnyScope}
		}
		switch a >> 5 {
		case 1:
			e.expires = now
		case 2:
			e.expires = max(now, math.MinInt64+1) - 1
		case 3:
			e.expires = min(now, math.MaxInt64-1) + 1
		case 4:
			e.expires = 0
		}
		entries = append(entries, e)
	}
	if single != "" {
		entries = append(entries, plainEntry{core.DefaultPrincipal, single, []string{core.AnyScope}, core.Never})
	}
	return entries
}

// FuzzAuthorize holds the verdict against the plain one, for every place of a token.
//
// places are the Schemes of the Authorization field, of which there are count lines, all
// alike. lines are those of other fields that are accepted, one after the other: the
// first byte says which field it is, and what follows is its value.
func FuzzAuthorize(f *testing.F) {
	for _, v := range vectors.Verdicts() {
		accept := acceptOf(&v)
		r, _ := requestOf(&v)
		var lines []byte
		for _, field := range v.Fields {
			if i := slices.Index(accept.Fields, strings.ToLower(field[0])); i >= 0 {
				lines = append(lines, fmt.Sprintf("%d%s\n", i, field[1])...)
			}
		}
		add := func(single, tokens, attributes []byte) {
			f.Add(uint8(accept.Schemes), r.Authorization, uint8(r.AuthorizationCount), lines, r.Scopes, v.Now, single, tokens, attributes)
		}
		token, _ := plainToken(&plainRequest{schemes: accept.Schemes, authorization: []string{string(r.Authorization)}})
		token = cmp.Or(token, string(r.Token))
		add(v.Token, []byte("other\n"+token+"\nthird"), []byte{0x10, 0x23, 0x01})
		add(nil, []byte(token), []byte{0x63})
		add(v.Token, slices.Concat([]byte("first\n"), v.Token), []byte{0x01, 0x22})
	}
	f.Fuzz(func(t *testing.T, places uint8, authorization []byte, count uint8, lines, required []byte, now int64, single, tokens, attributes []byte) {
		plain := plainEntries(string(single), tokens, attributes, now)
		var entries []core.Entry
		for _, e := range plain[:len(plain)-min(len(single), 1)] {
			entries = append(entries, core.Entry{Principal: e.principal, Credential: core.CredentialOf([]byte(e.token)), Scopes: e.scopes, Expires: e.expires})
		}
		k, err := core.NewKeyring(constant{}, single, entries)
		if err != nil {
			t.Fatal(err)
		}
		p := plainRequest{schemes: core.Schemes(places & 3), required: string(required), now: now}
		if places&4 != 0 {
			p.schemes = core.NoScheme
		}
		for range count {
			p.authorization = append(p.authorization, string(authorization))
		}
		for line := range bytes.SplitSeq(lines, []byte("\n")) {
			if len(line) > 0 {
				i := line[0] % core.MaxFields
				p.fields[i] = append(p.fields[i], string(line[1:]))
			}
		}
		d := checkAgain(t, k, &p)
		reason, principal := plainAuthorize(plain, &p)
		if d.Reason != reason || d.Principal != principal {
			t.Fatalf("%v of %q, want %v of %q", d.Reason, d.Principal, reason, principal)
		}
		if !d.Granted() {
			return
		}
		// What the keyring stores of the token is no token.
		token, _ := plainToken(&p)
		for _, e := range entries {
			if e.Credential == core.CredentialOf([]byte(token)) {
				checkStolen(t, k, e.Credential[:], now)
			}
		}
	})
}

// request returns the request as the core takes it.
func (p *plainRequest) request() core.Request {
	r := core.Request{AuthorizationCount: len(p.authorization), Schemes: p.schemes, Scopes: []byte(p.required), Now: p.now}
	if len(p.authorization) > 0 {
		r.Authorization = []byte(p.authorization[0])
	}
	for i, values := range p.fields {
		for _, value := range values {
			r.AddField(i, []byte(value))
		}
	}
	return r
}

// checkAgain returns the verdict, and checks that it changes no value except where Basic
// is accepted, and nothing of the next verdict.
func checkAgain(t *testing.T, k *core.Keyring, p *plainRequest) core.Decision {
	t.Helper()
	r, sent := p.request(), p.request()
	d := k.Authorize(&r)
	if p.schemes&core.Basic == 0 && !bytes.Equal(r.Authorization, sent.Authorization) || !bytes.Equal(r.Token, sent.Token) {
		t.Fatal("the verdict changed a value")
	}
	if k.Authorize(&sent) != d {
		t.Fatal("the next verdict is another")
	}
	return d
}

// checkStolen presents a credential as a token, in each place.
func checkStolen(t *testing.T, k *core.Keyring, credential []byte, now int64) {
	t.Helper()
	for name, r := range map[string]core.Request{
		"Bearer":    {Authorization: slices.Concat([]byte("Bearer "), credential), AuthorizationCount: 1},
		"password":  {Authorization: []byte("Basic " + base64.StdEncoding.EncodeToString(slices.Concat([]byte("u:"), credential))), AuthorizationCount: 1, Schemes: core.Basic},
		"user name": {Authorization: []byte("Basic " + base64.StdEncoding.EncodeToString(slices.Concat(credential, []byte(":")))), AuthorizationCount: 1, Schemes: core.Basic},
		"field":     {Token: credential, TokenCount: 1, Schemes: core.NoScheme},
	} {
		if r.Now = now; k.Authorize(&r).Granted() {
			t.Fatalf("a credential passes for a token: %s", name)
		}
	}
}
