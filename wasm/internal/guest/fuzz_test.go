package guest

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// Whatever the fields are, the plugin grants what the core grants.
func FuzzProxyWasm(f *testing.F) {
	for _, v := range vectors.Forwards() {
		f.Add(hosttest.EncodePairs(hosttest.Pairs(v.Request)))
	}
	f.Add(hosttest.EncodePairs(right()))
	keyring := vectors.Forwards()[0].Keyring
	entries, err := core.ParseKeyring(keyring)
	if err != nil {
		f.Fatal(err)
	}
	k, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		f.Fatal(err)
	}
	p := newFakeProxy()
	root := p.configure(hosttest.ForwardConfiguration(&vectors.Forwards()[0]))
	f.Fuzz(func(t *testing.T, pairs []byte) {
		p.fields, _ = all(pairs)
		p.pairs = append([]byte{}, pairs...)
		status, err := p.ask(root)
		if err != nil {
			t.Fatal(err)
		}
		if status != 200 {
			return
		}
		values := hosttest.Values(decoded(pairs), "authorization")
		if len(values) != 1 {
			t.Fatalf("granted with %q", values)
		}
		d := k.Authorize(core.Request{Authorization: []byte(values[0]), AuthorizationCount: 1})
		if who := hosttest.Identities(p.fields); !d.Granted() || len(who) != 1 || who[0] != d.Principal {
			t.Fatalf("granted to %q, want %s", who, d.Principal)
		}
	})
}

func decoded(pairs []byte) [][2]string {
	list, _ := all(pairs)
	return list
}

// Whatever a host says of a request, the plugin grants what the core grants, and
// passes on one identity.
func FuzzHTTPWasm(f *testing.F) {
	for _, v := range vectors.Forwards() {
		var fields string
		for _, field := range v.Request {
			fields += field[0] + "\x00" + field[1] + "\x00"
		}
		f.Add(fields)
	}
	forward := vectors.Forwards()[0]
	entries, err := core.ParseKeyring(forward.Keyring)
	if err != nil {
		f.Fatal(err)
	}
	k, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		f.Fatal(err)
	}
	g := newFakeGateway(hosttest.ForwardConfiguration(&forward))
	f.Fuzz(func(t *testing.T, fields string) {
		texts := strings.Split(fields, "\x00")
		g.fields = nil
		for i := 0; i+1 < len(texts); i += 2 {
			g.fields = append(g.fields, [2]string{texts[i], texts[i+1]})
		}
		values := hosttest.Values(g.fields, "authorization")
		status, err := g.ask()
		if err != nil {
			t.Fatal(err)
		}
		if status != 200 {
			return
		}
		if len(values) != 1 {
			t.Fatalf("granted with %q", values)
		}
		d := k.Authorize(core.Request{Authorization: []byte(values[0]), AuthorizationCount: 1})
		if who := hosttest.Identities(g.fields); !d.Granted() || len(who) != 1 || who[0] != d.Principal {
			t.Fatalf("granted to %q, want %s", who, d.Principal)
		}
	})
}
