package core_test

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
)

// keyringFor returns the keyring of a case's configuration.
func keyringFor(v *vectors.Verdict) (*core.Keyring, error) {
	entries, err := core.ParseKeyring(v.Keyring)
	if err != nil {
		return nil, err
	}
	return core.NewKeyring(rand.Reader, v.Token, entries)
}

// acceptOf returns where a case's configuration looks for a token.
func acceptOf(v *vectors.Verdict) core.Accept {
	accept, err := core.ParseAccept(cmp.Or(v.Accept, "bearer"))
	if err != nil {
		panic(err)
	}
	if v.Accept == "" {
		accept = core.Accept{} // which is to mean the same
	}
	return accept
}

// requestOf returns a case's request as the core takes it, and all values that it
// has. They are copies.
func requestOf(v *vectors.Verdict) (r core.Request, values [][]byte) {
	accept := acceptOf(v)
	r = core.Request{
		AuthorizationCount: len(v.Authorization),
		Schemes:            accept.Schemes,
		Scopes:             []byte(strings.Join(v.Scopes, " ")),
		Now:                v.Now,
	}
	if r.AuthorizationCount > 0 {
		r.Authorization = bytes.Clone(v.Authorization[0])
	}
	for _, field := range v.Fields {
		if i := slices.Index(accept.Fields, strings.ToLower(field[0])); i >= 0 {
			value := []byte(field[1])
			r.AddField(i, value)
			values = append(values, value)
		}
	}
	return r, append(values, r.Authorization)
}

func TestVerdicts(t *testing.T) {
	vectors.Run(t, vectors.Subject{Build: vectors.Core, Decide: func(v *vectors.Verdict) (vectors.Outcome, error) {
		k, err := keyringFor(v)
		if err != nil {
			return vectors.Outcome{}, err
		}
		r, values := requestOf(v)
		d := k.Authorize(&r)
		if _, sent := requestOf(v); !slices.EqualFunc(values, sent, bytes.Equal) && r.Schemes&core.Basic == 0 {
			return vectors.Outcome{}, errors.New("the verdict changed a value")
		}
		if d.Principal != "" && k.Principals()[d.Owner] != d.Principal {
			return vectors.Outcome{}, fmt.Errorf("owner %d is %q, not %q", d.Owner, k.Principals()[d.Owner], d.Principal)
		}
		if d.Principal != "" {
			if token := k.Token(d.Token); token.Principal != d.Principal || token.Key != d.Key || token.Scopes != d.Scopes {
				return vectors.Outcome{}, fmt.Errorf("token %d is %+v, not that of %+v", d.Token, token, d)
			}
		}
		if nobody := (core.Decision{Reason: d.Reason}); d.Principal == "" && d != nobody {
			return vectors.Outcome{}, fmt.Errorf("of nobody's token it is said: %+v", d)
		}
		o := vectors.Outcome{Status: d.Status(), Reason: d.Reason.String(), Principal: d.Principal, Challenges: []string{}}
		if d.Granted() && v.Tells("scopes") {
			o.Scopes = d.Scopes
		}
		if d.Granted() && v.Tells("key") {
			o.Key = d.Key.String()
		}
		challenges := core.Challenges{Schemes: r.Schemes, Realm: v.Realm}
		for _, scheme := range challenges.InOrder() {
			if c := challenges.Append(nil, scheme, d, r.Scopes); len(c) > 0 {
				o.Challenges = append(o.Challenges, string(c))
			}
		}
		return o, nil
	}})
}
