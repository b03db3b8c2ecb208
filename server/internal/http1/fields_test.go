package http1

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// understood is what a Head says, as text.
type understood struct {
	method, path, query string
	hasQuery            bool
	minor               byte
	authorizations      int
	authorization       string
	scopes              []string
	scopeCount          int
}

func understand(h *Head, buf []byte) understood {
	text := func(s Span) string { return string(s.Of(buf)) }
	u := understood{
		method: text(h.Method), path: text(h.Path), query: text(h.Query), hasQuery: h.HasQuery, minor: h.Minor,
		authorizations: int(h.AuthorizationCount), authorization: text(h.Authorization), scopeCount: int(h.ScopeFieldCount),
	}
	for _, s := range h.ScopeFields[:min(u.scopeCount, MaxScopeFields)] {
		u.scopes = append(u.scopes, text(s))
	}
	return u
}

func (u understood) equal(v understood) bool { return fmt.Sprintf("%#v", u) == fmt.Sprintf("%#v", v) }

// TestHead reads what it should out of a head, whether that comes at once or byte by
// byte.
func TestHead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		head string
		want understood
	}{
		"the least":                     {"GET / HTTP/1.0\r\n\r\n", understood{method: "GET", path: "/"}},
		"origin-form":                   {"PUT /a?b?c HTTP/1.1\r\nhost:\r\n\r\n", understood{method: "PUT", path: "/a", query: "b?c", hasQuery: true, minor: 1}},
		"a query of nothing":            {"G /? HTTP/1.0\r\n\r\n", understood{method: "G", path: "/", hasQuery: true}},
		"absolute-form":                 {"GET http://u:80/a?b HTTP/1.0\r\n\r\n", understood{method: "GET", path: "/a", query: "b", hasQuery: true}},
		"absolute-form without a path":  {"GET HTTPS://u HTTP/1.0\r\n\r\n", understood{method: "GET"}},
		"absolute-form of one letter":   {"GET http://u?b HTTP/1.0\r\n\r\n", understood{method: "GET", query: "b", hasQuery: true}},
		"absolute-form with a fragment": {"GET http://u#/@ HTTP/1.0\r\n\r\n", understood{method: "GET", path: "#/@"}},
		"an @ behind the authority":     {"GET http://u/@ HTTP/1.0\r\n\r\n", understood{method: "GET", path: "/@"}},
		"asterisk-form":                 {"OPTIONS * HTTP/1.0\r\n\r\n", understood{method: "OPTIONS", path: "*"}},
		"odd bytes of a target":         {"GET /!~ HTTP/1.0\r\n\r\n", understood{method: "GET", path: "/!~"}},
		"other bytes behind the prefix of another's path": {
			"BREW /ext_authz/\x80\xff/\xc3\xa9?\xe9=\xff HTTP/1.0\r\n\r\n",
			understood{method: "BREW", path: "/ext_authz/\x80\xff/\xc3\xa9", query: "\xe9=\xff", hasQuery: true},
		},
		"other bytes in a query behind the prefix":       {"GET /ext_authz?\x80 HTTP/1.0\r\n\r\n", understood{method: "GET", path: "/ext_authz", query: "\x80", hasQuery: true}},
		"other bytes behind the prefix in absolute-form": {"GET http://u/ext_authz/\x80 HTTP/1.0\r\n\r\n", understood{method: "GET", path: "/ext_authz/\x80"}},
		"fields": {
			"GET / HTTP/1.1\r\nHost: a\r\nAUTHORIZATION:\t Bearer x \t\r\nX-Auth-Scope: s\r\n\r\n",
			understood{
				method: "GET", path: "/", minor: 1, authorizations: 1, authorization: "Bearer x", scopes: []string{"s"}, scopeCount: 1,
			},
		},
		"the first of several": {
			"GET / HTTP/1.0\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
			understood{method: "GET", path: "/", authorizations: 2, authorization: "a"},
		},
		"an empty one is the first, too": {
			"GET / HTTP/1.0\r\nAuthorization: \t\r\nAuthorization: b\r\n\r\n",
			understood{method: "GET", path: "/", authorizations: 2},
		},
		"names of the same lengths": {
			"GET / HTTP/1.0\r\nHosu: a\r\nExpecu: 100-continue\r\nConnectioo: close\r\nX-Auth-Scopf: s\r\nAuthorizatioo: a\r\nContent-Lengti: 5\r\nTransfer-Encodinh: gzip\r\n\r\n",
			understood{method: "GET", path: "/"},
		},
		"eight fields of scopes": {
			"GET / HTTP/1.0\r\n" + strings.Repeat("X-Auth-Scope: s\r\n", 8) + "\r\n",
			understood{method: "GET", path: "/", scopes: slices.Repeat([]string{"s"}, 8), scopeCount: 8},
		},
		"nine fields of scopes": {
			"GET / HTTP/1.0\r\n" + strings.Repeat("X-Auth-Scope: s\r\n", 8) + "x-auth-scope: t\r\n\r\n",
			understood{method: "GET", path: "/", scopes: slices.Repeat([]string{"s"}, 8), scopeCount: 9},
		},
	} {
		for behind, in := range map[string]string{"nothing": c.head, "a byte": c.head + "x", "a head": c.head + c.head} {
			var h Head
			length, f := h.Parse([]byte(in), DefaultLimit)
			if got := understand(&h, []byte(in)); length != len(c.head) || f != NoFault || !got.equal(c.want) {
				t.Errorf("%s, with %s behind it: %+v of %d bytes, fault %d; want %+v of %d", name, behind, got, length, f, c.want, len(c.head))
			}
		}
		var h Head
		for n := range len(c.head) {
			if length, f := h.Parse([]byte(c.head[:n]), DefaultLimit); length != 0 || f != NoFault {
				t.Fatalf("%s: after %d bytes, length %d and fault %d", name, n, length, f)
			}
		}
		if length, f := h.Parse([]byte(c.head), DefaultLimit); length != len(c.head) || f != NoFault || !understand(&h, []byte(c.head)).equal(c.want) {
			t.Errorf("%s, byte by byte: %d bytes, fault %d", name, length, f)
		}
	}
}

// faulty is the beginning of a head, and what is wrong with it.
type faulty struct {
	in   string
	want Fault
	at   int // bytes after which it shows; 0 for all
}

const host = "GET / HTTP/1.1\r\nHost: a\r\n"

// TestLimits: each limit is met exactly, whatever it is.
func TestLimits(t *testing.T) {
	t.Parallel()
	line := func(n int) string {
		return "GET /" + strings.Repeat("x", n-len("GET / HTTP/1.1\r\n")) + " HTTP/1.1\r\n"
	}
	// fields makes the names and values of n bytes, in two lines, behind those of host.
	fields := func(n int) string { return host + "a: " + strings.Repeat("b", n-len("Hostaac")-1) + "\r\na: c\r\n" }
	lines := func(n int) string { return host + strings.Repeat("a:\r\n", n-1) }
	// long makes a head of n bytes.
	long := func(n int) string {
		return host + "a:" + strings.Repeat(" ", n-len(host)-len("a:\r\n\r\n")) + "\r\n\r\n"
	}
	for _, limit := range []Limit{DefaultLimit, DefaultLimit + 1, 16384, MaxLimit} {
		most := int(limit)
		checkFaults(t, limit, map[string]faulty{
			"the longest request line":         {line(most) + "Host:\r\n\r\n", NoFault, 0},
			"a request line too long":          {line(most + 1), URITooLong, most},
			"a request line that never ends":   {"GET /" + strings.Repeat("x", most), URITooLong, most},
			"the most in fields":               {fields(most) + "\r\n", NoFault, 0},
			"too much in fields":               {fields(most + 1), FieldsTooLarge, len(fields(most+1)) - len("\r\n")},
			"a value too long":                 {host + "a: " + strings.Repeat("b", most-len("Hosta")), FieldsTooLarge, len(host) + len("a: ") + most - len("Hosta")},
			"the longest value":                {host + "a: " + strings.Repeat("b", most-len("Hostaa")) + "\r\n\r\n", NoFault, 0},
			"the longest value and whitespace": {host + "a: " + strings.Repeat("b", most-len("Hostaa")) + " \t \r\n\r\n", NoFault, 0},
			"a name too long":                  {host + strings.Repeat("a", most-len("Host")-len("a")+1), FieldsTooLarge, len(host) + most - len("Host") - len("a") + 1},
			"the longest name":                 {host + strings.Repeat("a", most-len("Hosta")) + ":\r\n\r\n", NoFault, 0},
			"the most lines":                   {lines(MaxFieldLines) + "\r\n", NoFault, 0},
			"too many lines":                   {lines(MaxFieldLines + 1), FieldsTooLarge, 0},
			"the longest head":                 {long(limit.MaxHead()), NoFault, 0},
			"a head too long":                  {long(limit.MaxHead() + 1), FieldsTooLarge, limit.MaxHead()},
			"LF alone, and much behind it":     {"\n" + strings.Repeat("x", most), BadRequest, 1},
			"the most of both":                 {line(most) + "Host: a\r\n" + fields(most)[len(host):] + "\r\n", NoFault, 0},
		})
	}
}

// TestFaults refuses at the first byte that makes a head wrong, and not before.
func TestFaults(t *testing.T) {
	t.Parallel()
	checkFaults(t, DefaultLimit, map[string]faulty{
		"no method":                               {" / HTTP/1.1\r\n", BadRequest, 0},
		"a method that is not a token":            {"G@T / HTTP/1.1\r\n", BadRequest, 0},
		"no space":                                {"GET\r\n", BadRequest, 0},
		"no target":                               {"GET  HTTP/1.1\r\n", BadRequest, 0},
		"no version":                              {"GET /\r\n", BadRequest, 0},
		"a version of nothing":                    {"GET / \r\n", BadRequest, 0},
		"two spaces before the version":           {"GET /  HTTP/1.1\r\n", BadRequest, 0},
		"a space behind the version":              {"GET / HTTP/1.1 \r\n", BadRequest, 0},
		"a version without a digit":               {"GET / HTTP/1.\r\n", BadRequest, 0},
		"a version in lower case":                 {"GET / http/1.1\r\n", BadRequest, 0},
		"a version without a point":               {"GET / HTTP/1,1\r\n", BadRequest, 0},
		"a major version that is not a digit":     {"GET / HTTP/x.1\r\n", BadRequest, 0},
		"a minor version that is not a digit":     {"GET / HTTP/1.x\r\n", BadRequest, 0},
		"HTTP/1.2":                                {"GET / HTTP/1.2\r\n", UnsupportedVersion, 0},
		"HTTP/0.9":                                {"GET / HTTP/0.9\r\n", UnsupportedVersion, 0},
		"HTTP/2.0":                                {"GET / HTTP/2.0\r\n", UnsupportedVersion, 0},
		"HTTP/2.1":                                {"GET / HTTP/2.1\r\n", UnsupportedVersion, 0},
		"CONNECT":                                 {"CONNECT / HTTP/1.1\r\n", BadRequest, 0},
		"a target of another form":                {"GET a HTTP/1.1\r\n", BadRequest, 0},
		"a target of another scheme":              {"GET ftp://a/ HTTP/1.1\r\n", BadRequest, 0},
		"a scheme alone":                          {"GET http:// HTTP/1.1\r\n", BadRequest, 0},
		"no authority":                            {"GET http:///a HTTP/1.1\r\n", BadRequest, 0},
		"userinfo":                                {"GET http://@a/ HTTP/1.1\r\n", BadRequest, 0},
		"userinfo with a name":                    {"GET http://u@a/ HTTP/1.1\r\n", BadRequest, 0},
		"a tab in the target":                     {"GET /\t HTTP/1.1\r\n", BadRequest, 0},
		"a DEL in the target":                     {"GET /\x7f HTTP/1.1\r\n", BadRequest, len("GET /\x7f")},
		"a byte above ASCII in the target":        {"GET /\x80 HTTP/1.1\r\n", BadRequest, 0},
		"a byte above ASCII in place of the path": {"GET \x80 HTTP/1.1\r\n", BadRequest, 0},
		"a byte above ASCII in a query":           {"GET /auth?\xff HTTP/1.1\r\n", BadRequest, 0},
		"a byte above ASCII in the authority":     {"GET http://\xe9/ext_authz/ HTTP/1.1\r\n", BadRequest, 0},
		"one there, and the prefix alone":         {"GET http://\xe9/ext_authz HTTP/1.1\r\n", BadRequest, 0},
		"one there, and one where it may be":      {"GET http://\xe9/ext_authz/\x80 HTTP/1.1\r\n", BadRequest, 0},
		"a byte above ASCII in the prefix":        {"GET /ext_auth\xfa/ HTTP/1.1\r\n", BadRequest, 0},
		"a byte above ASCII behind a prefix in other letters": {"GET /EXT_AUTHZ/\x80 HTTP/1.1\r\n", BadRequest, 0},
		"a byte above ASCII in the prefix's place":            {"GET /ext_authz\x80 HTTP/1.1\r\n", BadRequest, 0},
		"a byte above ASCII behind a longer name":             {"GET /ext_authzs/\x80 HTTP/1.1\r\n", BadRequest, 0},
		"a byte above ASCII in a fragment":                    {"GET /ext_authz#\x80 HTTP/1.1\r\n", BadRequest, 0},
		"a byte above ASCII in front of the prefix":           {"GET /\x80/ext_authz/ HTTP/1.1\r\n", BadRequest, 0},
		"a byte above ASCII in the method":                    {"G\x80T /ext_authz/ HTTP/1.1\r\n", BadRequest, 0},
		"a byte above ASCII in the version":                   {"GET /ext_authz/ HTTP/1.\x80\r\n", BadRequest, 0},
		"a DEL behind the prefix":                             {"GET /ext_authz/\x7f HTTP/1.1\r\n", BadRequest, len("GET /ext_authz/\x7f")},
		"a control byte behind the prefix":                    {"GET /ext_authz/\t HTTP/1.1\r\n", BadRequest, 0},
		"CONNECT behind the prefix":                           {"CONNECT /ext_authz/\x80 HTTP/1.1\r\n", BadRequest, 0},
		"a NUL":                                               {"GET /\x00", BadRequest, 0},
		"a bare LF":                                           {"GET / HTTP/1.1\n", BadRequest, 0},
		"LF alone":                                            {"\n", BadRequest, 0},
		"an empty line first":                                 {"\r\n", BadRequest, 0},
		"a bare LF behind the fields":                         {host + "\n", BadRequest, 0},
		"a bare CR":                                           {"GET / HTTP/1.1\rH", BadRequest, 0},
		"a CR too many":                                       {"GET / HTTP/1.1\r\r\n", BadRequest, len("GET / HTTP/1.1\r\r")},
		"a CR in a field":                                     {host + "a: b\rc", BadRequest, 0},
		"no colon":                                            {host + "a\r\n", BadRequest, 0},
		"no name":                                             {host + ": a\r\n", BadRequest, 0},
		"a space before the colon":                            {host + "a : b\r\n", BadRequest, 0},
		"a folded line":                                       {host + "a: b\r\n c: d\r\n", BadRequest, 0},
		"no Host":                                             {"GET / HTTP/1.1\r\n\r\n", BadRequest, 0},
		"no Host in HTTP/1.0":                                 {"GET / HTTP/1.0\r\n\r\n", NoFault, 0},
		"two Hosts":                                           {host + "Host: a\r\n\r\n", BadRequest, 0},
		"two Hosts in HTTP/1.0":                               {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", BadRequest, 0},
		"a length of nothing":                                 {host + "Content-Length:\r\n", BadRequest, 0},
		"the longest length":                                  {host + "Content-Length: 999999999999999999\r\n\r\n", NoFault, 0},
		"a length too long":                                   {host + "Content-Length: 0000000000000000001\r\n", BadRequest, 0},
		"a length that is not a number":                       {host + "Content-Length: 1x\r\n", BadRequest, 0},
		"a negative length":                                   {host + "Content-Length: -1\r\n", BadRequest, 0},
		"a list of lengths":                                   {host + "Content-Length: 1, 1\r\n", BadRequest, 0},
		"two lengths":                                         {host + "Content-Length: 1\r\nContent-Length: 2\r\n", BadRequest, 0},
		"two lengths of 0":                                    {host + "Content-Length: 0\r\nContent-Length: 00\r\n", BadRequest, 0},
		"one length in two ways":                              {host + "Content-Length: 5\r\nContent-Length: 05\r\n", BadRequest, 0},
		"one length twice":                                    {host + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", NoFault, 0},
		"a coding":                                            {host + "Transfer-Encoding: CHUNKED\r\n\r\n", NoFault, 0},
		"another coding":                                      {host + "Transfer-Encoding: gzip\r\n", UnsupportedCoding, 0},
		"two codings":                                         {host + "Transfer-Encoding: gzip, chunked\r\n", UnsupportedCoding, 0},
		"a coding twice":                                      {host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", BadRequest, 0},
		"a coding and a length":                               {host + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", BadRequest, 0},
	})
}

func checkFaults(t *testing.T, limit Limit, cases map[string]faulty) {
	t.Helper()
	for name, c := range cases {
		in := []byte(c.in)
		var whole Head
		if length, f := whole.Parse(in, limit); f != c.want || (length == len(in)) != (f == NoFault) {
			t.Errorf("%s, limit %d: length %d of %d and fault %d, want %d", name, limit, length, len(in), f, c.want)
		}
		if c.want == NoFault {
			continue
		}
		at := c.at
		if at == 0 {
			at = len(in)
		}
		var h Head
		for n := max(0, at-300); n <= at; n++ {
			want := NoFault
			if n == at {
				want = c.want
			}
			if length, f := h.Parse(in[:n], limit); f != want || length != 0 {
				t.Errorf("%s, limit %d: after %d bytes of %d, length %d and fault %d, want %d", name, limit, n, len(in), length, f, want)
				break
			}
		}
	}
}
