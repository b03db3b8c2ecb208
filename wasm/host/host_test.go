package host_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/wasm/host"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

func compile(t *testing.T, options host.Options) *host.Verifier {
	t.Helper()
	options.Interpreter = true
	v, err := host.Compile(t.Context(), modules.Reactor(t), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return v
}

func configure(t *testing.T, v *host.Verifier, text string) {
	t.Helper()
	if err := v.Configure(t.Context(), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestAuthorize(t *testing.T) {
	v := compile(t, host.Options{})
	bearer := func(token string) []string { return []string{"Bearer " + token} }
	denied := func(reason core.Reason) core.Decision { return core.Decision{Reason: reason} }
	granted := func(principal string) core.Decision { return core.Decision{Reason: core.Granted, Principal: principal} }

	d, err := v.Authorize(t.Context(), bearer("a-token"))
	if want := denied(core.Unconfigured); err != nil || d != want {
		t.Fatalf("before a keyring: %+v, %v, want %+v", d, err, want)
	}
	configure(t, v, tokentest.KeyringLine("ann", "a-token", "scope=read")+tokentest.KeyringLine("bob", "b-token", "scope=* expires=2027-01-15T08:00:00Z"))
	before, after := time.Unix(1_799_999_999, 0), time.Unix(1_800_000_000, 0)

	tests := []struct {
		name          string
		authorization []string
		scopes        []string
		now           time.Time
		want          core.Decision
	}{
		{"right", bearer("a-token"), nil, before, granted("ann")},
		{"scope", bearer("a-token"), []string{"read"}, before, granted("ann")},
		{"two scopes, one lacking", bearer("a-token"), []string{"read", "write"}, before, denied(core.InsufficientScope)},
		{"any scope", bearer("b-token"), []string{"read", "write"}, before, granted("bob")},
		{"expired", bearer("b-token"), nil, after, denied(core.Expired)},
		{"wrong", bearer("c-token"), nil, before, denied(core.Unknown)},
		{"none", nil, nil, before, denied(core.Missing)},
		{"empty", []string{""}, nil, before, denied(core.Missing)},
		{"another scheme", []string{"Basic YTpi"}, nil, before, denied(core.Malformed)},
		{"the right one twice", []string{"Bearer a-token", "Bearer a-token"}, nil, before, denied(core.Malformed)},
		{"too long", bearer(strings.Repeat("x", 1<<20)), nil, before, denied(core.Malformed)},
		{"long", bearer(strings.Repeat("x", 60<<10)), nil, before, denied(core.Unknown)},
		{"right again", bearer("a-token"), nil, after, granted("ann")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := v.AuthorizeAt(t.Context(), tt.now, tt.authorization, tt.scopes...)
			if err != nil || d != tt.want || d.Granted() != (tt.want.Principal != "") {
				t.Errorf("%+v, %v, want %+v", d, err, tt.want)
			}
		})
	}
	for _, scope := range []string{"", "a b", "a,b", "\x00"} {
		if d, err := v.Authorize(t.Context(), bearer("b-token"), scope); err == nil || d != denied(core.Unconfigured) {
			t.Errorf("the scope %q: %+v, %v", scope, d, err)
		}
	}
}

func TestConfigureKeepsTheLastGoodKeyring(t *testing.T) {
	v := compile(t, host.Options{})
	configure(t, v, tokentest.KeyringLine("ann", "a-token", ""))
	for name, text := range map[string]string{
		"broken":   tokentest.KeyringLine("bob", "b-token", "") + "bob secret-in-the-wrong-place\n",
		"no token": "# nobody\n",
		"empty":    "",
		"too long": "#" + strings.Repeat(" ", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			err := v.Configure(t.Context(), []byte(text))
			if _, ok := errors.AsType[*host.KeyringError](err); !ok || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v", err)
			}
			if name == "broken" && !strings.Contains(err.Error(), "line 2") {
				t.Errorf("error %v", err)
			}
			if d, err := v.Authorize(t.Context(), []string{"Bearer a-token"}); err != nil || d.Principal != "ann" {
				t.Errorf("afterwards %+v, %v", d, err)
			}
		})
	}
}

// A keyring is exchanged for all instances at once: a request that comes after
// it is decided by it.
func TestConfigureUnderLoad(t *testing.T) {
	v := compile(t, host.Options{Instances: 3})
	token := func(n int64) string { return fmt.Sprintf("token-%d", n) }
	configure(t, v, tokentest.KeyringLine("p0", token(0), ""))
	var inForce, next atomic.Int64 // numbers of keyrings: all before inForce are out, none after next is in
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				n := inForce.Load()
				d, err := v.Authorize(t.Context(), []string{"Bearer " + token(n)})
				if moved := next.Load() != n; err != nil || !d.Granted() && !moved || d.Granted() && d.Principal != fmt.Sprintf("p%d", n) {
					t.Errorf("token %d: %+v, %v", n, d, err)
					return
				}
				if n > 0 {
					if d, err := v.Authorize(t.Context(), []string{"Bearer " + token(n-1)}); err != nil || d.Granted() {
						t.Errorf("token %d after it was taken out: %+v, %v", n-1, d, err)
						return
					}
				}
			}
		})
	}
	for n := range int64(8) {
		next.Store(n + 1)
		configure(t, v, tokentest.KeyringLine(fmt.Sprintf("p%d", n+1), token(n+1), ""))
		inForce.Store(n + 1)
	}
	close(stop)
	wg.Wait()
}

func TestWaitingForAnInstance(t *testing.T) {
	v := compile(t, host.Options{Instances: 1})
	configure(t, v, tokentest.KeyringLine("ann", "a-token", ""))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // either it is served, or it is told why not
		d, err := v.Authorize(ctx, []string{"Bearer a-token"})
		if d.Granted() != (err == nil) {
			t.Fatalf("%+v, %v", d, err)
		}
	}
}

func TestClosed(t *testing.T) {
	v := compile(t, host.Options{})
	configure(t, v, tokentest.KeyringLine("ann", "a-token", ""))
	if err := v.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d, err := v.Authorize(t.Context(), []string{"Bearer a-token"}); err == nil || d.Granted() {
		t.Errorf("%+v, %v", d, err)
	}
	if err := v.Configure(t.Context(), []byte(tokentest.KeyringLine("ann", "a-token", ""))); err == nil {
		t.Error("configured after Close")
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, module := range map[string][]byte{
		"nothing":          nil,
		"no WebAssembly":   []byte("\x7fELF"),
		"an empty module":  []byte("\x00asm\x01\x00\x00\x00"),
		"another's module": modules.HTTPWasm(t),
	} {
		if v, err := host.Compile(t.Context(), module, host.Options{Interpreter: true}); err == nil {
			t.Errorf("%s: %v", name, v)
		}
	}
}

func TestHandler(t *testing.T) {
	v := compile(t, host.Options{})
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.Header {
			if strings.EqualFold(strings.ReplaceAll(name, "_", "-"), "X-Auth-Request-User") {
				w.Header()["Seen"] = append(w.Header()["Seen"], name+"="+strings.Join(values, "+"))
			}
		}
	})
	ask := func(authorization ...string) *http.Response {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Authorization"] = authorization
		r.Header["X-Auth-Request-User"] = []string{"root", "admin"}
		r.Header["X_auth_request_user"] = []string{"root"}
		r.Header["x-auth-request_USER"] = []string{"root"}
		w := httptest.NewRecorder()
		v.Handler(backend, "read", "list").ServeHTTP(w, r)
		if len(r.Header) != 4 {
			t.Errorf("the caller's request was changed: %v", r.Header)
		}
		return w.Result()
	}
	check := func(name string, r *http.Response, status int, challenge string, seen ...string) {
		t.Helper()
		if r.StatusCode != status || r.Header.Get("WWW-Authenticate") != challenge || strings.Join(r.Header["Seen"], " ") != strings.Join(seen, " ") {
			t.Errorf("%s: %d %v", name, r.StatusCode, r.Header)
		}
	}
	check("no keyring", ask("Bearer a-token"), 500, "")
	configure(t, v, tokentest.KeyringLine("ann", "a-token", "scope=read,list")+tokentest.KeyringLine("bob", "b-token", "scope=read"))
	check("right", ask("Bearer a-token"), 200, "", "X-Auth-Request-User=ann")
	check("scope", ask("Bearer b-token"), 403, `Bearer error="insufficient_scope", scope="read list"`)
	check("wrong", ask("Bearer c-token"), 401, "Bearer")
	check("twice", ask("Bearer a-token", "Bearer a-token"), 401, "Bearer")
	check("none", ask(), 401, "Bearer")

	for _, scope := range []string{"", "a b", "a,b", "\x00"} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, "scope") {
					t.Errorf("the scope %q: panic %s", scope, text)
				}
			}()
			v.Handler(backend, "read", scope)
		}()
	}
}
