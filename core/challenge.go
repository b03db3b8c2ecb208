package core

// AppendChallenge appends to b the value of the WWW-Authenticate field that goes
// with the decision (RFC 6750 §3), and returns the extended slice. It appends
// nothing if the decision needs no challenge: the request is granted, or no token
// would help (500).
//
// requiredScopes is [Request.Scopes]. The challenge of InsufficientScope lists
// only the valid ones, which need no escaping. A client may have sent the others.
func (d Decision) AppendChallenge(b, requiredScopes []byte) []byte {
	switch d.Status() {
	case 401:
		return append(b, "Bearer"...)
	case 403:
		b = append(b, `Bearer error="insufficient_scope"`...)
		return appendScopeParameter(b, requiredScopes)
	}
	return b
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
