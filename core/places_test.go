package core_test

import (
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

// TestTokenCount: a program may fill a Request in without AddField. What counts is then
// how many values there are, as for Authorization.
func TestTokenCount(t *testing.T) {
	k := mustKeyring(t, nil, []core.Entry{entryOf("ann", "a-token")})
	for _, tt := range []struct {
		name  string
		token string
		count int
		want  core.Reason
	}{
		{"one", "a-token", 1, core.Granted},
		{"one, empty", "", 1, core.Missing},
		{"none", "", 0, core.Missing},
		{"none, and a value", "a-token", 0, core.Missing},
		{"fewer than none", "a-token", -1, core.Missing},
		{"two", "a-token", 2, core.Malformed},
		{"two, empty", "", 2, core.Malformed},
	} {
		for _, schemes := range []core.Schemes{0, core.Bearer, core.Basic, core.NoScheme} {
			r := core.Request{Schemes: schemes, Token: []byte(tt.token), TokenCount: tt.count}
			if d := k.Authorize(&r); d.Reason != tt.want {
				t.Errorf("%s, %d: %s, want %s", tt.name, schemes, d.Reason, tt.want)
			}
		}
	}
}

// TestTokenBeside: an empty value that is counted is as good as none.
func TestTokenBeside(t *testing.T) {
	k := mustKeyring(t, nil, []core.Entry{entryOf("ann", "a-token")})
	for authorization, want := range map[string]core.Reason{
		"": core.Missing, "Bearer a-token": core.Granted, "Bearer b-token": core.Unknown, "Bearer": core.Malformed, "Digest a-token": core.Malformed,
	} {
		for count := range 2 {
			r := core.Request{Authorization: []byte(authorization), AuthorizationCount: 1, Token: []byte(" \t"), TokenCount: count}
			if d := k.Authorize(&r); d.Reason != want {
				t.Errorf("%q beside %d empty ones: %s, want %s", authorization, count, d.Reason, want)
			}
		}
	}
}

// TestAddField: every field that is named has a place of its own, and its values may come
// in any order.
func TestAddField(t *testing.T) {
	type line struct {
		index int
		value string
	}
	for _, tt := range []struct {
		name  string
		lines []line
		want  int // TokenCount, or 2 for more than 1
	}{
		{"none", nil, 0},
		{"the first", []line{{0, "a"}}, 1},
		{"the last", []line{{core.MaxFields - 1, "a"}}, 1},
		{"the last, in each order", []line{{3, "a"}, {2, ""}, {1, " \t"}, {0, ""}}, 1},
		{"a value behind empty ones", []line{{0, ""}, {1, " "}, {3, "a"}}, 1},
		{"empty ones", []line{{0, ""}, {1, ""}, {2, ""}, {3, ""}}, 0},
		{"two", []line{{1, "a"}, {2, "a"}}, 2},
		{"one twice", []line{{3, "a"}, {3, "a"}}, 2},
		{"one twice, empty", []line{{3, ""}, {3, ""}}, 2},
		{"one twice, apart", []line{{3, ""}, {0, "a"}, {3, ""}}, 2},
	} {
		var r core.Request
		sent := ""
		for _, l := range tt.lines {
			if r.AddField(l.index, []byte(l.value)); l.value == "a" {
				sent = "a"
			}
		}
		if min(r.TokenCount, 2) != tt.want || string(r.Token) != sent {
			t.Errorf("%s: %d of %q, want %d", tt.name, r.TokenCount, r.Token, tt.want)
		}
	}
}

// TestAcceptedNames: which characters the name of a field has, and how long it is.
func TestAcceptedNames(t *testing.T) {
	const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for c := range 256 {
		name := "x" + string([]byte{byte(c)}) + "x"
		valid := strings.Contains(characters, name[1:2])
		accept, err := core.ParseAccept("header:" + name)
		if (err == nil) != valid || valid && accept.Fields[0] != strings.ToLower(name) {
			t.Errorf("%q: %v, %v", name, accept.Fields, err)
		}
	}
	for _, n := range []int{0, 1, 64, 65} {
		if _, err := core.ParseAccept("header:" + strings.Repeat("n", n)); (err == nil) != (1 <= n && n <= 64) {
			t.Errorf("a name of %d characters: %v", n, err)
		}
	}
	if accept, err := core.ParseAccept("header:a,header:b,header:c,header:d"); err != nil || len(accept.Fields) != core.MaxFields {
		t.Errorf("%v, %v", accept, err)
	}
}
