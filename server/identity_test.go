package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

const told = core.IdentityUser | core.IdentityScopes | core.IdentityKey

// TestIdentity: a 200 has each identity field once that it is to have, and no other. The
// order of the fields does not depend on that of the setting.
func TestIdentity(t *testing.T) {
	t.Parallel()
	longest := "p" + strings.Repeat("@", 127)
	var scopes []string
	for i := range 56 {
		scopes = append(scopes, fmt.Sprintf("%064d", i))
	}
	text := tokentest.KeyringLine("ann@example.com", "ann's", "scope=metrics,deploy") +
		tokentest.KeyringLine("none", "none's") +
		tokentest.KeyringLine(longest, "longest's", "scope="+strings.Join(scopes, ","))
	key := func(token string) string {
		return strings.Fields(tokentest.KeyringLine("x", token))[1][len("sha256:"):][:8]
	}
	k := newKeyring(t, testToken, text)
	for _, c := range []struct {
		identity core.Identity
		token    string
		want     string
	}{
		{0, "ann's", "User: ann@example.com"},
		{core.IdentityUser, "ann's", "User: ann@example.com"},
		{core.IdentityScopes, "ann's", "User: ann@example.com|Scopes: metrics deploy"},
		{core.IdentityKey, "ann's", "User: ann@example.com|Key: " + key("ann's")},
		{core.IdentityKey | core.IdentityUser, "ann's", "User: ann@example.com|Key: " + key("ann's")},
		{told, "ann's", "User: ann@example.com|Scopes: metrics deploy|Key: " + key("ann's")},
		{told, "none's", "User: none|Scopes: |Key: " + key("none's")},
		{told, testToken, "User: default|Scopes: *|Key: -"},
		{told, "longest's", "User: " + longest + "|Scopes: " + strings.Join(scopes, " ") + "|Key: " + key("longest's")},
		{told, "wrong", ""},
	} {
		w := newWorkerWith(k, Options{Identity: c.identity})
		out, _ := advanceAll(w, []byte("GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "+c.token+"\r\n\r\n"))
		checkResponses(t, out)
		var got []string
		for line := range strings.SplitSeq(string(out), "\r\n") {
			if field, ok := strings.CutPrefix(line, "X-Auth-Request-"); ok {
				got = append(got, field)
			}
		}
		if strings.Join(got, "|") != c.want {
			t.Errorf("%b, %.20s: %q, want %q", c.identity, c.token, got, c.want)
		}
	}
}

// TestRoomForIdentity: a buffer that is too small for a list of scopes is not left
// behind with what earlier responses in it echo.
func TestRoomForIdentity(t *testing.T) {
	t.Parallel()
	echo := strings.Repeat("before", 100)
	d := core.Decision{Reason: core.Granted, Principal: strings.Repeat("p", 128), Scopes: strings.Repeat("s", 4000)}
	old := append(make([]byte, 0, len(echo)+responseRoom), echo...)
	r := newResponses(core.Challenges{}, told)
	out := r.verdict(old, d, nil, http1.KeepAloud)
	if !strings.Contains(string(out), d.Scopes) || cap(out) < len(echo)+responseRoom+len(d.Scopes) {
		t.Errorf("%d bytes of %d: %.700q", len(out), cap(out), out)
	}
	if slices.ContainsFunc(old[:cap(old)], func(c byte) bool { return c != 0 }) {
		t.Error("the old buffer still holds something")
	}
}

// TestEveryResponseFits: no response takes more than the room that it is given, so none
// is moved by append, which would leave a copy behind.
func TestEveryResponseFits(t *testing.T) {
	t.Parallel()
	realm := strings.Repeat("r", core.MaxRealm)
	r := newResponses(core.Challenges{Schemes: core.Bearer | core.Basic, Realm: realm}, told)
	r.date = []byte("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n")
	scopes := strings.Repeat("s", 64)
	for _, c := range []http1.Persistence{http1.KeepSilently, http1.KeepAloud, http1.Close} {
		for reason := range core.Reasons {
			d := core.Decision{Reason: core.Reason(reason), Principal: strings.Repeat("p", 128), Scopes: scopes}
			if out := r.verdict(nil, d, []byte(scopes), c); len(out) > responseRoom+len(scopes) {
				t.Errorf("%s: %d bytes", d.Reason, len(out))
			}
		}
		for _, out := range [][]byte{r.healthy(nil, true, c), r.refusal(nil, wrongMethod, c), r.refusal(nil, notFound, c)} {
			if len(out) > responseRoom {
				t.Errorf("%q: %d bytes", out, len(out))
			}
		}
	}
}

func TestIdentityAllocatesNothing(t *testing.T) {
	w := newWorkerWith(newKeyring(t, "", tokentest.KeyringLine("ann", testToken, "scope="+strings.Repeat("s", 64)+",metrics")), Options{Identity: told})
	out := make([]byte, 0, 2048)
	in := []byte(testAuth)
	allocations := testing.AllocsPerRun(1000, func() {
		var x http1.Exchange
		out = w.advance(&x, in, out[:0], testPeer{}, false, false).Out
	})
	if allocations != 0 || !strings.Contains(string(out), "s metrics\r\n") {
		t.Errorf("%v allocations, %q", allocations, out)
	}
}

// TestRealm: what cannot be in a challenge is a mistake of the program.
func TestRealm(t *testing.T) {
	t.Parallel()
	New(nil, Options{Realm: "a realm"})
	defer func() {
		if recover() == nil {
			t.Error("a realm with a line end")
		}
	}()
	New(nil, Options{Realm: "a\r\nX-Auth-Request-User: eve"})
}
