package guard_test

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/guard"
)

// verdictRequest returns the request of a verdict.
func verdictRequest(v *vectors.Verdict) *http.Request {
	r := request()
	for _, value := range v.Authorization {
		r.Header.Add("Authorization", string(value))
	}
	for _, field := range v.Fields {
		// A program may set a field under a name in other letters.
		r.Header[field[0]] = append(r.Header[field[0]], field[1])
	}
	return r
}

// checkTold reads what a handler is told of the owner of a token, and checks that it is
// told each once, and nothing else.
func checkTold(v *vectors.Verdict, header http.Header, o *vectors.Outcome) error {
	for name, told := range map[string]*string{"User": &o.Principal, "Scopes": &o.Scopes, "Key": &o.Key} {
		values := header.Values("X-Auth-Request-" + name)
		if (len(values) == 1) != v.Tells(strings.ToLower(name)) || len(values) > 1 {
			return fmt.Errorf("identities %q in the header", values)
		}
		*told = strings.Join(values, "")
	}
	return nil
}

func TestVerdicts(t *testing.T) {
	vectors.Run(t, vectors.Subject{Build: vectors.Guard, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		clock := guard.WithClock(func() time.Time { return time.Unix(v.Now, 0) })
		options := []guard.Option{clock, guard.WithLogger(slog.New(slog.DiscardHandler))}
		if v.Accept != "" {
			accept, err := core.ParseAccept(v.Accept)
			if err != nil {
				return o, err
			}
			options = append(options, guard.WithAccept(accept))
		}
		if v.Identity != "" {
			identity, err := core.ParseIdentity(v.Identity)
			if err != nil {
				return o, err
			}
			options = append(options, guard.WithIdentity(identity))
		}
		if v.Realm != "" {
			options = append(options, guard.WithRealm(v.Realm))
		}
		g := guard.New(keyring(t, v.Keyring, v.Token), options...)
		d := g.Check(verdictRequest(v), v.Scopes...)
		o = vectors.Outcome{Status: d.Status(), Reason: d.Reason.String(), Principal: d.Principal}
		for _, scope := range v.Scopes {
			if core.CheckScope(scope) != nil {
				return o, nil // which Handler refuses
			}
		}
		r := verdictRequest(v)
		response, passed := ask(g, r, v.Scopes...)
		defer response.Body.Close()
		o.Challenges = append([]string{}, response.Header.Values("WWW-Authenticate")...)
		switch {
		case response.StatusCode != o.Status || (passed != nil) != d.Granted():
			err = errors.New("Handler decides otherwise than Check")
		case !maps.EqualFunc(r.Header, verdictRequest(v).Header, slices.Equal):
			err = errors.New("the caller's request has changed")
		case passed != nil && guard.DecisionFrom(passed.Context()) != d:
			err = errors.New("another decision in the context")
		case passed != nil:
			err = checkTold(v, passed.Header, &o)
		}
		return o, err
	}})
}

func TestForwards(t *testing.T) {
	vectors.RunForwards(t, vectors.Forwarder{Build: vectors.Guard, Forward: func(f *vectors.Forward) (status int, forwarded []vectors.Field, err error) {
		accept, err := core.ParseAccept(cmp.Or(f.Accept, "bearer"))
		if err != nil {
			return 0, nil, err
		}
		told, err := core.ParseIdentity(cmp.Or(f.Identity, "user"))
		if err != nil {
			return 0, nil, err
		}
		g := guard.New(keyring(t, f.Keyring, nil), guard.WithAccept(accept), guard.WithIdentity(told))
		r := request()
		for _, field := range f.Request {
			r.Header.Add(field[0], field[1])
		}
		before := r.Header.Clone()
		response, passed := ask(g, r)
		defer response.Body.Close()
		if passed != nil {
			for name, values := range passed.Header {
				for _, value := range values {
					forwarded = append(forwarded, vectors.Field{name, value})
				}
			}
		}
		for name, values := range before {
			if strings.Join(r.Header[name], "|") != strings.Join(values, "|") {
				err = errors.New("the caller's request has changed")
			}
		}
		return response.StatusCode, forwarded, err
	}})
}
