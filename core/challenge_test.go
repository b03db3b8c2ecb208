package core_test

import (
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

func TestChallenges(t *testing.T) {
	const (
		basic     = `Basic realm="auth-service", charset="UTF-8"`
		both      = core.Bearer | core.Basic
		forbidden = `Bearer error="insufficient_scope", scope="a b"`
	)
	for _, tt := range []struct {
		schemes core.Schemes
		realm   string
		reason  core.Reason
		want    []string // by scheme, in order
	}{
		{0, "", core.Missing, []string{"Bearer"}},
		{0, "", core.Malformed, []string{"Bearer"}},
		{0, "", core.Unknown, []string{"Bearer"}},
		{0, "", core.Expired, []string{"Bearer"}},
		{0, "", core.InsufficientScope, []string{forbidden}},
		{0, "", core.Unconfigured, []string{""}},
		{0, "", core.Granted, []string{""}},
		{core.Bearer, "", core.Missing, []string{"Bearer"}},
		{core.Basic, "", core.Missing, []string{basic}},
		{core.Basic, "", core.Unknown, []string{basic}},
		{core.Basic, "", core.InsufficientScope, []string{""}},
		{both, "", core.Missing, []string{basic, "Bearer"}},
		{both, "", core.InsufficientScope, []string{"", forbidden}},
		{both, "", core.Unconfigured, []string{"", ""}},
		{core.NoScheme, "", core.Missing, nil},
		{0, "a realm", core.Missing, []string{`Bearer realm="a realm"`}},
		{0, "a realm", core.Malformed, []string{`Bearer realm="a realm"`}},
		{0, "a realm", core.Unknown, []string{`Bearer realm="a realm", error="invalid_token"`}},
		{0, "a realm", core.Expired, []string{`Bearer realm="a realm", error="invalid_token"`}},
		{0, "a realm", core.InsufficientScope, []string{`Bearer realm="a realm", error="insufficient_scope", scope="a b"`}},
		{both, "r", core.Unknown, []string{`Basic realm="r", charset="UTF-8"`, `Bearer realm="r", error="invalid_token"`}},
	} {
		c := core.Challenges{Schemes: tt.schemes, Realm: tt.realm}
		schemes := c.InOrder()
		if len(schemes) != len(tt.want) {
			t.Errorf("%d, %s: %d schemes", tt.schemes, tt.reason, len(schemes))
			continue
		}
		for i, scheme := range schemes {
			got := string(c.Append([]byte("x"), scheme, core.Decision{Reason: tt.reason}, []byte(`a "b" b`)))
			if got != "x"+tt.want[i] {
				t.Errorf("%d, %q, %s: %s, want x%s", tt.schemes, tt.realm, tt.reason, got, tt.want[i])
			}
			room, required := make([]byte, 0, len(got)), []byte(`a "b" b`)
			if n := testing.AllocsPerRun(10, func() { c.Append(room, scheme, core.Decision{Reason: tt.reason}, required) }); n != 0 {
				t.Errorf("%s: %v allocations", got, n)
			}
		}
	}
}

func TestCheckRealm(t *testing.T) {
	for c := range 256 {
		valid := ' ' <= c && c <= '~' && c != '"' && c != '\\'
		if err := core.CheckRealm(string([]byte{byte(c)})); (err == nil) != valid {
			t.Errorf("%q: %v", rune(c), err)
		}
	}
	for realm, want := range map[string]bool{
		"": false, "a": true, "a realm, with: all!": true, strings.Repeat("r", 128): true, strings.Repeat("r", 129): false,
		`a"`: false, `a\`: false, "a\x7f": false, "a\n": false, "é": false,
	} {
		if got := core.CheckRealm(realm) == nil; got != want {
			t.Errorf("%q: %t", realm, got)
		}
	}
}

func TestParseAccept(t *testing.T) {
	for list, want := range map[string]core.Accept{
		"bearer":                              {Schemes: core.Bearer},
		"basic":                               {Schemes: core.Basic},
		" basic ,\tbearer":                    {Schemes: core.Bearer | core.Basic},
		"header:X-API-Key":                    {Schemes: core.NoScheme, Fields: []string{"x-api-key"}},
		"bearer,header:x_key":                 {Schemes: core.Bearer, Fields: []string{"x_key"}},
		"header:a,header:b,header:c,header:d": {Schemes: core.NoScheme, Fields: []string{"a", "b", "c", "d"}},
	} {
		got, err := core.ParseAccept(list)
		if err != nil || got.Schemes != want.Schemes || strings.Join(got.Fields, ",") != strings.Join(want.Fields, ",") {
			t.Errorf("%q: %+v, %v", list, got, err)
		}
	}
	for _, list := range []string{
		"", ",", "bearer,", "bearer,bearer", "Bearer", "digest", "header:", "header", "header:a b", "header:a,header:A", "bearer basic",
		"header:Authorization", "header:Host", "header:X-Auth-Scope", "header:X_Auth-Request_Key", "header:X-Auth-Request-User", "header:X-Auth-Request-Email",
		// These may be part of a log line.
		"header:X-Real-IP", "header:X-Forwarded-For", "header:X-Forwarded-Method", "header:X-Forwarded-Host", "header:X-Forwarded-Uri",
		"header:X-Original-Method", "header:X-Original-Host", "header:X-Original-URI", "header:X-Original-URL", "header:X_Original_URI", "header:X-Request-Id",
		"header:é", "header:X-API-\u212aey",
		"header:a:b", "header:" + strings.Repeat("a", 65),
		"header:a,header:b,header:c,header:d,header:e",
	} {
		if got, err := core.ParseAccept(list); err == nil || got.Schemes != 0 || got.Fields != nil {
			t.Errorf("%q: %+v, %v", list, got, err)
		}
	}
}
