package core_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
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

// requestOf returns a case's request as the core takes it.
func requestOf(v *vectors.Verdict) core.Request {
	r := core.Request{
		AuthorizationCount: len(v.Authorization),
		Scopes:             []byte(strings.Join(v.Scopes, " ")),
		Now:                v.Now,
	}
	if r.AuthorizationCount > 0 {
		r.Authorization = v.Authorization[0]
	}
	return r
}

func TestVerdicts(t *testing.T) {
	vectors.Run(t, vectors.Subject{Build: vectors.Core, Decide: func(v *vectors.Verdict) (vectors.Outcome, error) {
		k, err := keyringFor(v)
		if err != nil {
			return vectors.Outcome{}, err
		}
		r := requestOf(v)
		sent := bytes.Clone(r.Authorization)
		d := k.Authorize(r)
		if !bytes.Equal(r.Authorization, sent) {
			return vectors.Outcome{}, fmt.Errorf("the verdict changed the Authorization value")
		}
		if d.Principal != "" && k.Principals()[d.Owner] != d.Principal {
			return vectors.Outcome{}, fmt.Errorf("owner %d is %q, not %q", d.Owner, k.Principals()[d.Owner], d.Principal)
		}
		return vectors.Outcome{Status: d.Status(), Reason: d.Reason.String(), Principal: d.Principal}, nil
	}})
}
