package guard_test

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/guard"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

const (
	aToken = "a-token-that-is-long-enough-for-everybody"
	bToken = "b-token-that-is-long-enough-for-everybody"
)

// keyring returns the keyring of a text and, if it is not nil, a single token.
func keyring(t testing.TB, text, token []byte) *core.Keyring {
	t.Helper()
	entries, err := core.ParseKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	k, err := core.NewKeyring(rand.Reader, token, entries)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// request returns a request with the values in Authorization fields.
func request(values ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	for _, value := range values {
		r.Header.Add("Authorization", value)
	}
	return r
}

// ask sends a request to a handler that g protects. The request that was passed on
// is nil if there is none.
func ask(g *guard.Guard, r *http.Request, scopes ...string) (response *http.Response, passed *http.Request) {
	w := httptest.NewRecorder()
	g.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { passed = r }), scopes...).ServeHTTP(w, r)
	return w.Result(), passed
}

// A Guard without a keyring denies with 500 and asks for nothing: no token could
// help.
func TestUnconfigured(t *testing.T) {
	for name, g := range map[string]*guard.Guard{"nil": nil, "zero": {}, "nil keyring": guard.New(nil), "empty keyring": guard.New(keyring(t, nil, nil))} {
		response, passed := ask(g, request("Bearer "+aToken))
		defer response.Body.Close()
		if response.StatusCode != http.StatusInternalServerError || passed != nil || response.Header["Www-Authenticate"] != nil {
			t.Errorf("%s: status %d, header %v", name, response.StatusCode, response.Header)
		}
		if d := g.Check(request("Bearer " + aToken)); d.Granted() || d.Reason != core.Unconfigured {
			t.Errorf("%s: %v", name, d.Reason)
		}
	}
	if d := guard.DecisionFrom(context.Background()); d.Granted() || d.Principal != "" {
		t.Errorf("outside of a handler: %+v", d)
	}
}

// A second field is seen under whatever name a program put it.
func TestSeveralFields(t *testing.T) {
	g := guard.New(keyring(t, []byte(tokentest.KeyringLine("ann", aToken)), nil))
	for name, r := range map[string]*http.Request{
		"twice":         request("Bearer "+aToken, "Bearer "+aToken),
		"wrong first":   request("Bearer "+bToken, "Bearer "+aToken),
		"empty second":  request("Bearer "+aToken, ""),
		"other letters": request("Bearer " + aToken),
	} {
		if name == "other letters" {
			r.Header["authorization"] = []string{"Bearer " + aToken}
		}
		if d := g.Check(r); d.Reason != core.Malformed {
			t.Errorf("%s: %v", name, d.Reason)
		}
	}
	r := request()
	r.Header["authorization"] = []string{"Bearer " + aToken}
	if d := g.Check(r); !d.Granted() {
		t.Errorf("one field in lower case: %v", d.Reason)
	}
}

// An invalid scope stops the program when it starts, and no token has it.
func TestInvalidScope(t *testing.T) {
	g := guard.New(keyring(t, []byte(tokentest.KeyringLine("ann", aToken, "scope=*")), nil))
	for _, scope := range []string{"", " ", "a b", "a,b", `"`, "\\", "é", "a\x00", strings.Repeat("s", 65)} {
		if d := g.Check(request("Bearer "+aToken), scope); d.Reason != core.InsufficientScope {
			t.Errorf("%q: %v", scope, d.Reason)
		}
		if d := g.Check(request("Bearer "+aToken), "valid", scope); d.Reason != core.InsufficientScope {
			t.Errorf("valid and %q: %v", scope, d.Reason)
		}
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "guard: a scope is ") {
					t.Errorf("%q: the panic says %q", scope, text)
				}
			}()
			g.Handler(http.NotFoundHandler(), scope)
		}()
	}
}

func TestNilHandler(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "handler to protect is nil") {
			t.Errorf("the panic says %q", text)
		}
	}()
	new(guard.Guard).Handler(nil)
}

// Old keyrings are wiped, and no verdict reads one that is being wiped.
func TestSetKeyring(t *testing.T) {
	text := []byte(tokentest.KeyringLine("ann", aToken))
	first := keyring(t, text, nil)
	g := guard.New(first)
	g.SetKeyring(first)
	if d := g.Check(request("Bearer " + aToken)); !d.Granted() {
		t.Errorf("after its own keyring was set again: %v", d.Reason)
	}
	var workers sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for range 4 {
		workers.Go(func() {
			for ctx.Err() == nil {
				if d := g.Check(request("Bearer " + aToken)); !d.Granted() {
					t.Errorf("while keyrings are replaced: %v", d.Reason)
					return
				}
			}
		})
	}
	for range 200 {
		g.SetKeyring(keyring(t, text, nil))
	}
	stop()
	workers.Wait()
	if first.Usable() {
		t.Error("the replaced keyring is not wiped")
	}
	g.SetKeyring(nil)
	if d := g.Check(request("Bearer " + aToken)); d.Reason != core.Unconfigured {
		t.Errorf("without a keyring: %v", d.Reason)
	}
}

// The log says who was denied and why, and never what was sent.
func TestLog(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	g := guard.New(keyring(t, []byte(tokentest.KeyringLine("ann", aToken, "scope=read")), nil), guard.WithLogger(logger))
	g.Check(request("Bearer "+aToken), "read")
	if log.Len() > 0 {
		t.Errorf("what is granted is logged: %s", log.String())
	}
	g.Check(request("Bearer "+aToken), "write")
	g.Check(request("Bearer " + bToken))
	for _, want := range []string{"reason=insufficient_scope principal=ann client=192.0.2.1:1234", "reason=unknown"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log.String())
		}
	}
	for _, token := range []string{aToken, bToken} {
		if strings.Contains(log.String(), token) {
			t.Error("the log has a token")
		}
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	g := guard.New(keyring(t, []byte(tokentest.KeyringLine("ann", aToken)), nil), guard.WithLogger(logger))
	r := request("Bearer " + aToken)
	if n := testing.AllocsPerRun(100, func() { g.Check(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A guard that is told to accepts a token elsewhere, and asks for it.
func TestAccept(t *testing.T) {
	accept, err := core.ParseAccept("bearer,basic,header:X-API-Key")
	if err != nil {
		t.Fatal(err)
	}
	g := guard.New(keyring(t, []byte(tokentest.KeyringLine("ann", aToken)), nil), guard.WithAccept(accept), guard.WithRealm("a realm"))
	basic := request()
	basic.SetBasicAuth("anybody", aToken)
	sent := basic.Header.Get("Authorization")
	if d := g.Check(basic); !d.Granted() {
		t.Errorf("Basic: %s", d.Reason)
	}
	if basic.Header.Get("Authorization") != sent {
		t.Error("the request has changed")
	}
	field := request()
	field.Header["x-api-key"] = []string{aToken}
	if d := g.Check(field); !d.Granted() {
		t.Errorf("a field: %s", d.Reason)
	}
	if d := g.Check(request("Bearer " + aToken)); !d.Granted() {
		t.Errorf("Bearer: %s", d.Reason)
	}
	field.Header.Set("Authorization", "Bearer "+aToken)
	if d := g.Check(field); d.Reason != core.Malformed {
		t.Errorf("two places: %s", d.Reason)
	}
	field.Header.Del("Authorization")
	field.Header["X-Api-Key"] = []string{aToken}
	if d := g.Check(field); d.Reason != core.Malformed {
		t.Errorf("one field in two spellings: %s", d.Reason)
	}
	other := request()
	other.Header["X-API-\u212aEY"] = []string{aToken} // the Kelvin sign is not a k
	if d := g.Check(other); d.Reason != core.Missing {
		t.Errorf("a field of another name: %s", d.Reason)
	}
	response, _ := ask(g, request("Bearer "+bToken))
	defer response.Body.Close()
	want := []string{`Basic realm="a realm", charset="UTF-8"`, `Bearer realm="a realm", error="invalid_token"`}
	if got := response.Header.Values("WWW-Authenticate"); !slices.Equal(got, want) {
		t.Errorf("challenges %q", got)
	}
	if d := guard.New(keyring(t, []byte(tokentest.KeyringLine("ann", aToken)), nil)).Check(basic); d.Reason != core.Malformed {
		t.Errorf("Basic by default: %s", d.Reason)
	}
	defer func() {
		if recover() == nil {
			t.Error("a realm with a quote")
		}
	}()
	guard.WithRealm(`"`)
}
