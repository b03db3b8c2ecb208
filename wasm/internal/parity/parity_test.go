package parity

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/wasm/host"
	"github.com/concrete-security/auth-service/wasm/internal/guest"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// coreSubject is the native verifier.
func coreSubject() vectors.Subject {
	return vectors.Subject{Build: vectors.Core, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		entries, err := core.ParseKeyring(v.Keyring)
		if err != nil {
			return o, err
		}
		k, err := core.NewKeyring(rand.Reader, v.Token, entries)
		if err != nil {
			return o, err
		}
		accept := acceptOf(v)
		r := core.Request{
			Schemes: accept.Schemes, AuthorizationCount: len(v.Authorization),
			Scopes: []byte(strings.Join(v.Scopes, " ")), Now: v.Now,
		}
		for _, value := range v.Authorization {
			r.Authorization = bytes.Clone(value)
		}
		for _, field := range v.Fields {
			if i := slices.Index(accept.Fields, strings.ToLower(field[0])); i >= 0 {
				r.AddField(i, []byte(field[1]))
			}
		}
		d := k.Authorize(&r)
		o = vectors.Outcome{Status: d.Status(), Reason: d.Reason.String(), Principal: d.Principal}
		tell(v, &o, d)
		return o, nil
	}}
}

func acceptOf(v *vectors.Verdict) core.Accept {
	accept, err := core.ParseAccept(cmp.Or(v.Accept, "bearer"))
	if err != nil {
		panic(err) // the table is wrong
	}
	return accept
}

// tell completes the outcome with what is told of a granted token.
func tell(v *vectors.Verdict, o *vectors.Outcome, d core.Decision) {
	if d.Granted() {
		o.Scopes, o.Key = d.Scopes, d.Key.String()
		hosttest.Tell(v, o)
	}
}

// guestReactorSubject is the reactor's logic, compiled natively.
func guestReactorSubject() vectors.Subject {
	return vectors.Subject{Build: vectors.Reactor, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		var r guest.Reactor
		if v.Keyring != nil {
			copy(r.Alloc(uint32(len(v.Keyring))), v.Keyring)
			r.Configure(rand.Reader, guest.Span{Length: uint32(len(v.Keyring))})
		}
		handed := hosttest.HandOver(v)
		r.Accept(uint32(handed.Schemes))
		value, scopes := handed.Value, strings.Join(v.Scopes, " ")
		n := uint32(len(value))
		copy(r.Alloc(n+uint32(len(scopes))), string(value)+scopes)
		o.Status = int(r.Authorize(guest.Span{Length: n}, guest.Span{Offset: n, Length: uint32(len(scopes))}, v.Now))
		o.Principal, o.Scopes, o.Key = r.Principal(), r.Scopes(), strings.Clone(r.Key())
		hosttest.Tell(v, &o)
		if o.Status != 200 && r.Failure() != v.Expect.Reason {
			err = fmt.Errorf("reason %s, want %s", r.Failure(), v.Expect.Reason)
		}
		return o, err
	}}
}

// guestPluginSubject is the plugins' logic, compiled natively.
func guestPluginSubject() vectors.Subject {
	return vectors.Subject{Build: vectors.ProxyWasm, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		var p guest.Plugin
		_ = p.Configure(rand.Reader, hosttest.Configuration(v)) // the verdict tells
		head, ok := guest.ReadHead(hosttest.EncodePairs(hosttest.RequestFields(v)), p.Accept())
		if !ok {
			return o, errors.New("the fields cannot be read")
		}
		r := head.Request
		d := p.Authorize(&r, v.Now)
		if o.Status = d.Status(); o.Status == 200 {
			o.Principal = d.Principal
			tell(v, &o, d)
		} else {
			challenges, _ := p.Denial(d.Reason)
			err = hosttest.CheckDenial(v, challenges)
		}
		if left := string(r.Authorization) + string(r.Token); strings.Trim(left, "\x00") != "" {
			err = errors.New("the token is not wiped")
		}
		return o, err
	}}
}

// hostSubject is the reactor in package host. What that refuses itself, scopes
// that are none, is not a case of the module, and counted in refused.
func hostSubject(t *testing.T, e *engine, refused *int) vectors.Subject {
	t.Helper()
	var verifier *host.Verifier
	var now time.Time
	configuration := ""
	return vectors.Subject{Build: vectors.Reactor, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		now = time.Unix(v.Now, 0)
		if verifier == nil || configuration != v.Configuration {
			options := host.Options{
				Cache: e.cache(), Interpreter: e.interpreter, Instances: 1,
				Accept: acceptOf(v), Realm: v.Realm, Now: func() time.Time { return now },
			}
			if options.Identity, err = core.ParseIdentity(cmp.Or(v.Identity, "user")); err != nil {
				return o, err
			}
			if verifier, err = host.Compile(t.Context(), modules.Reactor(t), options); err != nil {
				return o, err
			}
			t.Cleanup(func() { _ = verifier.Close(t.Context()) })
			configuration = v.Configuration
			_ = verifier.Configure(t.Context(), v.Keyring) // the verdict tells
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		for _, field := range hosttest.RequestFields(v) {
			r.Header[field[0]] = append(r.Header[field[0]], field[1]) // in any letters
		}
		d, err := verifier.AuthorizeRequest(r, v.Scopes...)
		for _, scope := range v.Scopes {
			if core.CheckScope(scope) != nil {
				if err == nil || d.Granted() || d.Status() != 500 {
					return o, errors.New("a scope that is none is taken")
				}
				*refused++
				o.Status = v.Expect.Status
				if o.Status == 200 {
					o.Principal = v.Expect.Principal
				}
				return o, nil
			}
		}
		if err == nil && d.Reason.String() != v.Expect.Reason {
			err = fmt.Errorf("reason %s, want %s", d.Reason, v.Expect.Reason)
		}
		if err != nil {
			return o, err
		}
		o = vectors.Outcome{Status: d.Status(), Principal: d.Principal}
		tell(v, &o, d)
		return o, checkHandler(v, verifier, r, o)
	}}
}

// checkHandler compares what the verifier's handler does with an outcome.
func checkHandler(v *vectors.Verdict, verifier *host.Verifier, r *http.Request, want vectors.Outcome) error {
	var passed [][2]string
	w := httptest.NewRecorder()
	verifier.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for _, field := range fieldsOf(r.Header) {
			passed = append(passed, field)
		}
	}), v.Scopes...).ServeHTTP(w, r)
	if w.Code != want.Status || (passed != nil) != (want.Status == 200) {
		return fmt.Errorf("the handler answers %d, and passes on %q", w.Code, passed)
	}
	if want.Status != 200 {
		return hosttest.CheckDenial(v, w.Header()["Www-Authenticate"])
	}
	got := hosttest.Passed(passed)
	if !v.Tells("user") && got.Principal == "" {
		got.Principal = want.Principal
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("the handler passes on %+v, want %+v", got, want)
	}
	return nil
}

// A report says for each build how many verdicts were asked and how many came
// out otherwise.
type report struct {
	text  bytes.Buffer
	table *tabwriter.Writer
	total int
}

func newReport() *report {
	r := &report{}
	r.table = tabwriter.NewWriter(&r.text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(r.table, "build\tvectors\tasked\texcepted\tdifferences\t")
	return r
}

// run asks a build for all vectors. Those that the subject has counted in
// refused are no verdicts of the build.
func (r *report) run(t *testing.T, name string, s vectors.Subject, refused *int) {
	t.Helper()
	asked, differences := 0, 0
	decide := s.Decide
	s.Decide = func(v *vectors.Verdict) (vectors.Outcome, error) {
		asked++
		o, err := decide(v)
		if err != nil || !same(v, o) {
			differences++
		}
		return o, err
	}
	t.Run(name, func(t *testing.T) { vectors.Run(t, s) })
	all := len(vectors.Verdicts())
	if refused != nil {
		asked -= *refused
	}
	fmt.Fprintf(r.table, "%s\t%d\t%d\t%d\t%d\t\n", name, all, asked, all-asked, differences)
	r.total += differences
}

// same reports whether an outcome is the expected one, as far as every build shows it.
func same(v *vectors.Verdict, o vectors.Outcome) bool {
	if want := v.Expect; o.Status != 200 || want.Status != 200 {
		return o.Status == want.Status
	} else if !v.Tells("user") && o.Principal == "" {
		o.Principal = want.Principal
	}
	return o.Principal == v.Expect.Principal && o.Scopes == v.Expect.Scopes && o.Key == v.Expect.Key
}

func TestParity(t *testing.T) {
	r := newReport()
	r.run(t, "core", coreSubject(), nil)
	r.run(t, "guest-reactor", guestReactorSubject(), nil)
	r.run(t, "guest-plugin", guestPluginSubject(), nil)
	for _, e := range engines() {
		r.run(t, "reactor/"+e.name, reactorSubject(t, e), nil)
		refused := 0
		r.run(t, "host/"+e.name, hostSubject(t, e, &refused), &refused)
		r.run(t, "proxywasm/"+e.name, proxySubject(t, e), nil)
		r.run(t, "httpwasm/"+e.name, gatewaySubject(t, e), nil)
	}
	r.finish(t)
}

// finish prints the report, and fails if there is a difference.
func (r *report) finish(t *testing.T) {
	t.Helper()
	if err := r.table.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &r.text)
	if r.total != 0 {
		t.Errorf("%d differences", r.total)
	}
}
