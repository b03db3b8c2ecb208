package core

import "errors"

// DefaultRealm is the realm of a Basic challenge that is given none, since
// [RFC 7617 §2] requires one.
//
// [RFC 7617 §2]: https://www.rfc-editor.org/rfc/rfc7617#section-2
const DefaultRealm = "auth-service"

// MaxRealm is the length of the longest realm, in bytes.
const MaxRealm = 128

var errRealm = errors.New("a realm is 1 to 128 printable ASCII characters other than quote and backslash")

// CheckRealm returns nil if realm can be a realm, and otherwise an error that says what
// can.
func CheckRealm(realm string) error {
	if len(realm) == 0 || len(realm) > MaxRealm {
		return errRealm
	}
	for _, c := range []byte(realm) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return errRealm
		}
	}
	return nil
}

// Challenges are what a denied client is told about how to authenticate: one
// WWW-Authenticate field for each scheme that is accepted. The zero Challenges are
// Bearer's alone, without a realm.
type Challenges struct {
	// Schemes are those that are accepted; see [Accept].
	Schemes Schemes
	// Realm is what the challenges name, or empty. With a realm, a challenge for a
	// token that is unknown or expired also says so (RFC 6750 §3.1).
	Realm string
}

// InOrder are the schemes in the order in which their challenges belong: some proxies
// pass on only the first, and a browser asks for a password only if it sees that of
// Basic.
func (c Challenges) InOrder() []Schemes {
	var schemes []Schemes
	for _, scheme := range [...]Schemes{Basic, Bearer} {
		if c.Schemes.accept(scheme) {
			schemes = append(schemes, scheme)
		}
	}
	return schemes
}

// Append appends to b the value of the WWW-Authenticate field for one of the schemes,
// and returns the extended slice. It allocates nothing if b has room. It appends nothing
// if the decision needs no challenge of this scheme: the request is granted, no token
// would help (500), or a scope is lacking, which Basic cannot say.
//
// requiredScopes is [Request.Scopes]. The challenge of InsufficientScope lists
// only the valid ones, which need no escaping. A client may have sent the others.
func (c Challenges) Append(b []byte, scheme Schemes, d Decision, requiredScopes []byte) []byte {
	switch status := d.Status(); {
	case scheme == Basic && status == 401:
		realm := c.Realm
		if realm == "" {
			realm = DefaultRealm
		}
		b = append(b, `Basic realm="`...)
		b = append(b, realm...)
		return append(b, `", charset="UTF-8"`...)
	case scheme == Bearer && status == 401:
		b, separator := c.appendBearer(b)
		if c.Realm != "" && (d.Reason == Unknown || d.Reason == Expired) {
			b = append(b, separator...)
			b = append(b, `error="invalid_token"`...)
		}
		return b
	case scheme == Bearer && status == 403:
		b, separator := c.appendBearer(b)
		b = append(b, separator...)
		b = append(b, `error="insufficient_scope"`...)
		return appendScopeParameter(b, requiredScopes)
	}
	return b
}

// appendBearer appends the beginning of a challenge, and returns what separates it from
// a parameter.
func (c Challenges) appendBearer(b []byte) (_ []byte, separator string) {
	b = append(b, "Bearer"...)
	if c.Realm == "" {
		return b, " "
	}
	b = append(b, ` realm="`...)
	b = append(b, c.Realm...)
	return append(b, '"'), ", "
}

// AppendChallenge appends the Bearer challenge without a realm: see
// [Challenges.Append].
func (d Decision) AppendChallenge(b, requiredScopes []byte) []byte {
	return Challenges{}.Append(b, Bearer, d, requiredScopes)
}

// appendScopeParameter appends the parameter that names the valid scopes of
// [Request.Scopes], or nothing if there is none.
func appendScopeParameter(b, list []byte) []byte {
	separator := `, scope="`
	for len(list) > 0 {
		var name []byte
		if name, list = nextField(list); validScope(name) {
			b = append(b, separator...)
			b = append(b, name...)
			separator = " "
		}
	}
	if separator == " " {
		b = append(b, '"')
	}
	return b
}
