package server

import (
	"bytes"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// route is what a request-target names.
type route uint8

const (
	routeNone route = iota
	routeHealth
	routeAuth
)

// findRoute finds the route of a head and appends the scopes that it requires to
// scopes, separated by SP. Paths are compared as bytes; a query that is not
// understood is another path, since a typo must not open a door.
func findRoute(h *http1.Head, buf, scopes []byte) (route, []byte) {
	path := h.Path.Of(buf)
	switch {
	case string(path) == "/auth":
		ok := true
		if h.HasQuery {
			scopes, ok = appendQueryScopes(scopes, h.Query.Of(buf))
		}
		if !ok {
			return routeNone, scopes
		}
		return routeAuth, appendFieldScopes(scopes, h, buf)
	case string(path) == "/health" && !h.HasQuery:
		return routeHealth, scopes
	case isForeign(path):
		// The query here is the client's: it demands nothing and allows nothing.
		return routeAuth, appendFieldScopes(scopes, h, buf)
	}
	return routeNone, scopes
}

// isForeign reports whether behind the first part of a path is that of another request,
// which Envoy asks about.
func isForeign(path []byte) bool {
	return bytes.HasPrefix(path, []byte(http1.ForeignPrefix)) &&
		(len(path) == len(http1.ForeignPrefix) || path[len(http1.ForeignPrefix)] == '/')
}

// appendQueryScopes reads scope=NAME, repeated with "&" between.
func appendQueryScopes(scopes, query []byte) ([]byte, bool) {
	for {
		parameter, rest, more := bytes.Cut(query, []byte{'&'})
		name, ok := bytes.CutPrefix(parameter, []byte("scope="))
		if !ok || core.CheckScope(name) != nil {
			return scopes, false
		}
		scopes = appendScope(scopes, name)
		if !more {
			return scopes, true
		}
		query = rest
	}
}

// appendFieldScopes adds the scopes of the X-Auth-Scope fields, separated by
// whitespace or commas. Whatever a client writes there can only ask for more:
// a name that is not a scope is kept for the verdict to refuse, and so are a
// field that names nothing and a field line too many.
func appendFieldScopes(scopes []byte, h *http1.Head, buf []byte) []byte {
	for _, field := range h.ScopeFields[:min(int(h.ScopeFieldCount), http1.MaxScopeFields)] {
		value, named := field.Of(buf), false
		for len(value) > 0 {
			end := 0
			for end < len(value) && !httptext.IsSpace(value[end]) && value[end] != ',' {
				end++
			}
			if end > 0 {
				scopes = appendScope(scopes, value[:end])
				named = true
			}
			value = value[min(end+1, len(value)):]
		}
		if !named {
			scopes = appendScope(scopes, []byte(unheldScope))
		}
	}
	if h.ScopeFieldCount > http1.MaxScopeFields {
		scopes = appendScope(scopes, []byte(unheldScope))
	}
	return scopes
}

// unheldScope replaces a demand that cannot be read. It is not a valid scope, so
// no token has it.
const unheldScope = `"`

// appendScope adds a name. It grows the list itself, to leave no copy of what
// may be anything behind.
func appendScope(scopes, name []byte) []byte {
	if need := len(scopes) + 1 + len(name); need > cap(scopes) {
		larger := make([]byte, len(scopes), 2*need)
		copy(larger, scopes)
		clear(scopes)
		scopes = larger
	}
	if len(scopes) > 0 {
		scopes = append(scopes, ' ')
	}
	return append(scopes, name...)
}
