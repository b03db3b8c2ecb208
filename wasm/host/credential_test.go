package host

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/wasm/internal/guest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

const annsToken = "a-token"

func annsBasic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+annsToken))
}

// accepts are settings with every combination of schemes, and with fields.
var accepts = []core.Accept{
	{},
	{Schemes: core.Bearer},
	{Schemes: core.Basic},
	{Schemes: core.Bearer | core.Basic},
	{Fields: []string{"x-api-key", "x-token"}},
	{Schemes: core.Basic, Fields: []string{"x-api-key", "x-token"}},
	{Schemes: core.Bearer | core.Basic, Fields: []string{"x-api-key", "x-token"}},
	{Schemes: core.NoScheme, Fields: []string{"x-api-key", "x-token"}},
}

// FuzzCredential: what the host hands over is decided as the core decides on the whole
// request.
func FuzzCredential(f *testing.F) {
	for _, authorization := range []string{"Bearer " + annsToken, annsBasic(), "", "Bearer", "Basic", "bAsIc\t", "Digest x", "Ba\u017fic YQ==", "Bearer,x", " \tBearer x"} {
		for _, token := range []string{"", annsToken, " ", "Bearer " + annsToken, "\t" + annsToken + " "} {
			for _, more := range []string{"", "authorization: x", "X-Token: " + annsToken, "x-api-key: \t", "X_API_KEY: " + annsToken} {
				f.Add(authorization, token, more)
			}
		}
	}
	keyring := tokentest.KeyringLine("ann", annsToken)
	entries, err := core.ParseKeyring([]byte(keyring))
	if err != nil {
		f.Fatal(err)
	}
	k, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		f.Fatal(err)
	}
	var module guest.Reactor
	copy(module.Alloc(uint32(len(keyring))), keyring)
	if result := module.Configure(rand.Reader, guest.Span{Length: uint32(len(keyring))}); result != guest.Configured {
		f.Fatal(result)
	}
	f.Fuzz(func(t *testing.T, authorization, token, more string) {
		if len(authorization)+len(token)+len(more) > 32<<10 {
			t.Skip("more than the module takes")
		}
		fields := [][2]string{{"Authorization", authorization}, {"X-Api-Key", token}}
		if name, value, ok := strings.Cut(more, ": "); ok {
			fields = append(fields, [2]string{name, value})
		}
		for _, accept := range accepts {
			r := core.Request{Schemes: accept.Schemes}
			header := http.Header{}
			for _, field := range fields {
				header[field[0]] = append(header[field[0]], field[1])
				switch lower := asciiLower(field[0]); {
				case lower == "authorization":
					r.Authorization = []byte(field[1])
					r.AuthorizationCount++
				case slices.Contains(accept.Fields, lower):
					r.AddField(slices.Index(accept.Fields, lower), []byte(field[1]))
				}
			}
			c := find(header, accept).credential()
			got := core.Malformed
			if !c.ambiguous {
				value := c.prefix + c.value
				copy(module.Alloc(uint32(len(value))), value)
				module.Accept(uint32(c.schemes))
				module.Authorize(guest.Span{Length: uint32(len(value))}, guest.Span{}, 0)
				got = core.Reason(module.Reason())
			}
			if want := k.Authorize(&r).Reason; got != want {
				t.Errorf("%+v, %q: %s, want %s", accept, fields, got, want)
			}
		}
	})
}

func asciiLower(name string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}, name)
}

// hidden returns the reactor as it was before it had an export.
func hidden(t *testing.T, name string) []byte {
	t.Helper()
	module := modules.Reactor(t)
	export := append(append([]byte{byte(len(name))}, name...), 0) // length, name, and that it is a function
	if bytes.Count(module, export) == 0 {
		t.Fatalf("the module does not export %s", name)
	}
	other := bytes.Clone(export)
	other[1] = 'z'
	return bytes.ReplaceAll(module, export, other)
}

// A module that cannot do what the options ask for is refused. One that can do the rest
// still runs.
func TestOptionsNeedExports(t *testing.T) {
	cache := wazero.NewCompilationCache()
	defer cache.Close(context.Background())
	for _, tt := range []struct {
		name    string
		options Options
		needs   []string
	}{
		{"none", Options{}, nil},
		{"Bearer", Options{Accept: core.Accept{Schemes: core.Bearer}, Identity: core.IdentityUser}, nil},
		{"a field", Options{Accept: core.Accept{Schemes: core.NoScheme, Fields: []string{"x-api-key"}}}, nil},
		{"Basic", Options{Accept: core.Accept{Schemes: core.Basic}}, []string{"accept"}},
		{"both", Options{Accept: core.Accept{Schemes: core.Bearer | core.Basic}}, []string{"accept"}},
		{"identity", Options{Identity: core.IdentityScopes | core.IdentityKey}, []string{"scopes", "key"}},
	} {
		for _, name := range []string{"accept", "scopes", "key", "reason"} {
			tt.options.Interpreter, tt.options.Cache = true, cache
			v, err := Compile(t.Context(), hidden(t, name), tt.options)
			if needed := slices.Contains(tt.needs, name); (err != nil) != needed || needed && !strings.Contains(err.Error(), "does not export "+name) {
				t.Errorf("%s, without %s: %v", tt.name, name, err)
			}
			if v != nil {
				_ = v.Close(context.Background())
			}
		}
	}
	for _, realm := range []string{`"`, strings.Repeat("r", core.MaxRealm+1)} {
		if v, err := Compile(t.Context(), modules.Reactor(t), Options{Interpreter: true, Realm: realm}); err == nil {
			t.Errorf("the realm %q is taken: %v", realm, v)
		}
	}
}

// A field's token needs Bearer of the module. A client that uses Bearer in Authorization
// gains nothing by that, whoever asked before it.
func TestBearerIsNotSmuggled(t *testing.T) {
	v, err := Compile(t.Context(), modules.Reactor(t), Options{Interpreter: true, Instances: 1, Accept: core.Accept{Schemes: core.Basic, Fields: []string{"x-api-key"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close(context.Background())
	keyring := []byte(tokentest.KeyringLine("ann", annsToken))
	if err := v.Configure(t.Context(), keyring); err != nil {
		t.Fatal(err)
	}
	ask := func(name, value string, want core.Reason) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(name, value)
		if d, err := v.AuthorizeRequest(r); err != nil || d.Reason != want {
			t.Errorf("%s: %.8s: %s, %v, want %s", name, value, d.Reason, err, want)
		}
	}
	for range 2 {
		ask("X-API-Key", annsToken, core.Granted)
		ask("Authorization", "Bearer "+annsToken, core.Malformed)
		ask("Authorization", annsBasic(), core.Granted)
		ask("Authorization", "Bearer "+annsToken, core.Malformed)
		ask("X-API-Key", annsToken, core.Granted)
		if err := v.Configure(t.Context(), keyring); err != nil {
			t.Fatal(err)
		}
		ask("Authorization", "Bearer "+annsToken, core.Malformed)
	}
	if d, err := v.Authorize(t.Context(), []string{annsBasic()}); err != nil || !d.Granted() {
		t.Errorf("Authorize: %+v, %v", d, err)
	}
}

func TestKeyIDOf(t *testing.T) {
	for text, want := range map[string]string{"0123abcd": "0123abcd", "": "", "0123abc": "", "0123abcdef": "", "0123abcg": "", "-": ""} {
		id, err := keyIDOf(text)
		if (err == nil) != (want != "") || err == nil && id.String() != want {
			t.Errorf("%q: %s, %v", text, id, err)
		}
	}
}
