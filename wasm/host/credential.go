package host

import (
	"net/http"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/httptext"
)

// A credential is what a module is asked about. The module takes Authorization values
// alone, so docs/reactor-abi.md says how a token in another field becomes one.
type credential struct {
	// schemes are those that the module must accept for this value.
	schemes core.Schemes
	// prefix and value, one behind the other, are the Authorization value. They are
	// not joined here, as a copy of the token would stay in memory.
	prefix, value string
	// ambiguous says that there are several credentials, so that nobody can say which
	// of them another program would read. The request is denied.
	ambiguous bool
}

// found is what a request has in the places in which a token is accepted.
type found struct {
	schemes        core.Schemes
	authorization  string
	authorizations int
	token          string
	tokens         int
	fields         uint8 // those of the Accept that the request has, a bit for each
	twice          bool  // one of them occurs twice
}

// find looks for tokens. A program may have set a field under a name in other letters
// than those of package http.
func find(header http.Header, accept core.Accept) found {
	f := found{schemes: accept.Schemes}
	for name, values := range header {
		if httptext.EqualFold(name, "authorization") {
			f.addAuthorization(values)
		}
		for i, field := range accept.Fields {
			if httptext.EqualFold(name, field) {
				f.addField(i, values)
			}
		}
	}
	return f
}

func (f *found) addAuthorization(values []string) {
	if f.schemes == core.NoScheme || len(values) == 0 {
		return
	}
	f.authorization = values[0]
	f.authorizations += len(values)
}

func (f *found) addField(index int, values []string) {
	for _, value := range values {
		bit := uint8(1) << index
		f.twice = f.twice || f.fields&bit != 0
		f.fields |= bit
		if value = httptext.Trim(value); value != "" {
			f.token = value
			f.tokens++
		}
	}
}

// credential returns the one credential, which is empty if there is none.
func (f found) credential() credential {
	switch {
	case f.authorizations > 1, f.twice, f.tokens > 1, f.tokens == 1 && f.hasScheme():
		return credential{ambiguous: true}
	case f.tokens == 1:
		// Bearer is for this value only. If the host does not accept it, a client must
		// not be able to use it in Authorization.
		return credential{schemes: core.Bearer, prefix: "Bearer ", value: f.token}
	case f.schemes == 0, f.schemes == core.NoScheme:
		return credential{schemes: core.Bearer, value: f.authorization}
	}
	return credential{schemes: f.schemes, value: f.authorization}
}

// hasScheme reports whether the Authorization field begins with a scheme that is
// accepted.
func (f found) hasScheme() bool {
	value := httptext.Trim(f.authorization)
	end := 0
	for end < len(value) && !httptext.IsSpace(value[end]) {
		end++
	}
	scheme := value[:end]
	return (f.schemes == 0 || f.schemes&core.Bearer != 0) && httptext.EqualFold(scheme, "bearer") ||
		f.schemes&core.Basic != 0 && httptext.EqualFold(scheme, "basic")
}
