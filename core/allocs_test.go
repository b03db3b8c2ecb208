package core_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

func TestAuthorizeAllocatesNothing(t *testing.T) {
	expired := entryOf("gone", "expired")
	expired.Expires = 1
	entries := []core.Entry{entryOf("alice", "right", "read", "write"), entryOf("bob", strings.Repeat("l", 8000), core.AnyScope), expired}
	keyrings := map[string]*core.Keyring{
		"keyring": mustKeyring(t, nil, entries),
		"both":    mustKeyring(t, []byte("single"), entries),
		"single":  mustKeyring(t, []byte("single"), nil),
		"nothing": nil,
	}
	requests := map[string]core.Request{
		"right":     {Authorization: []byte("Bearer right"), AuthorizationCount: 1},
		"scoped":    {Authorization: []byte("Bearer right"), AuthorizationCount: 1, Scopes: []byte("read write")},
		"lacking":   {Authorization: []byte("Bearer right"), AuthorizationCount: 1, Scopes: []byte("read deploy")},
		"expired":   {Authorization: []byte("Bearer expired"), AuthorizationCount: 1, Now: 2},
		"wrong":     {Authorization: []byte("Bearer wrong"), AuthorizationCount: 1},
		"single":    {Authorization: []byte("Bearer single"), AuthorizationCount: 1},
		"long":      {Authorization: []byte("Bearer " + strings.Repeat("l", 8000)), AuthorizationCount: 1, Scopes: []byte("x")},
		"malformed": {Authorization: []byte("Basic right"), AuthorizationCount: 1},
		"missing":   {},
		"several":   {Authorization: []byte("Bearer right"), AuthorizationCount: 2},
	}
	var decision core.Decision
	basic := func(text string) []byte { return []byte("Basic " + base64.StdEncoding.EncodeToString([]byte(text))) }
	for name, authorization := range map[string][]byte{
		"Basic": basic("u:right"), "Basic, user name": basic("right:"), "Basic, wrong": basic("u:wrong"), "Basic, long": basic("u:" + strings.Repeat("l", 6000)),
		"Basic, malformed": []byte("Basic ?"), "Basic, no colon": basic("right"),
	} {
		requests[name] = core.Request{Authorization: authorization, AuthorizationCount: 1, Schemes: core.Basic, Scopes: []byte("read")}
	}
	fields := core.Request{Schemes: core.Bearer | core.Basic}
	fields.AddField(3, nil)
	fields.AddField(0, []byte("right"))
	requests["field"] = fields
	fields.AddField(0, []byte("right"))
	requests["field twice"] = fields

	for ring, k := range keyrings {
		for name, r := range requests {
			authorization := r.Authorization
			room := make([]byte, len(authorization))
			if n := testing.AllocsPerRun(20, func() {
				r.Authorization = room[:copy(room, authorization)] // it may be decoded in place
				decision = k.Authorize(&r)
			}); n != 0 {
				t.Errorf("%s, %s: %v allocations for %v", ring, name, n, decision)
			}
		}
	}
}
