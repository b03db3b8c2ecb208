package parity

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
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
		d := k.Authorize(core.Request{
			Authorization: hosttest.Only(v.Authorization), AuthorizationCount: len(v.Authorization),
			Scopes: []byte(strings.Join(v.Scopes, " ")), Now: v.Now,
		})
		return vectors.Outcome{Status: d.Status(), Reason: d.Reason.String(), Principal: d.Principal}, nil
	}}
}

// guestReactorSubject is the reactor's logic, compiled natively.
func guestReactorSubject() vectors.Subject {
	return vectors.Subject{Build: vectors.Reactor, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		var r guest.Reactor
		if v.Keyring != nil {
			copy(r.Alloc(uint32(len(v.Keyring))), v.Keyring)
			r.Configure(rand.Reader, guest.Span{Length: uint32(len(v.Keyring))})
		}
		value, scopes := hosttest.Only(v.Authorization), strings.Join(v.Scopes, " ")
		n := uint32(len(value))
		copy(r.Alloc(n+uint32(len(scopes))), string(value)+scopes)
		o.Status = int(r.Authorize(guest.Span{Length: n}, guest.Span{Offset: n, Length: uint32(len(scopes))}, v.Now))
		o.Principal = r.Principal()
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
		head, ok := guest.ReadHead(hosttest.EncodePairs(hosttest.RequestFields(v)))
		if !ok {
			return o, errors.New("the fields cannot be read")
		}
		value := bytes.Clone(head.Authorization)
		d := p.Authorize(value, head.Fields, v.Now)
		if o.Status = d.Status(); o.Status == 200 {
			o.Principal = d.Principal
		} else if challenge, _ := p.Denial(d.Reason); challenge != "" {
			err = hosttest.CheckDenial(v, o.Status, []string{challenge})
		}
		if len(bytes.Trim(value, "\x00")) > 0 {
			err = errors.New("the Authorization bytes are not wiped")
		}
		return o, err
	}}
}

// hostSubject is the reactor in package host. What that refuses itself, scopes
// that are none, is not a case of the module, and counted in refused.
func hostSubject(t *testing.T, e *engine, refused *int) vectors.Subject {
	t.Helper()
	var verifier *host.Verifier
	configuration := ""
	return vectors.Subject{Build: vectors.Reactor, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		if verifier == nil || configuration != v.Configuration {
			verifier, err = host.Compile(t.Context(), modules.Reactor(t), host.Options{Cache: e.cache(), Interpreter: e.interpreter, Instances: 1})
			if err != nil {
				return o, err
			}
			t.Cleanup(func() { _ = verifier.Close(t.Context()) })
			configuration = v.Configuration
			_ = verifier.Configure(t.Context(), v.Keyring) // the verdict tells
		}
		var authorization []string
		for _, value := range v.Authorization {
			authorization = append(authorization, string(value))
		}
		d, err := verifier.AuthorizeAt(t.Context(), time.Unix(v.Now, 0), authorization, v.Scopes...)
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
		return vectors.Outcome{Status: d.Status(), Principal: d.Principal}, err
	}}
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
		if err != nil || o.Status != v.Expect.Status || o.Status == 200 && o.Principal != v.Expect.Principal {
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
