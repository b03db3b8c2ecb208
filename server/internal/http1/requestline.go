package http1

import (
	"bytes"

	"github.com/concrete-security/auth-service/internal/httptext"
)

// requestLine parses a request line (RFC 9112 §3):
//
//	request-line = method SP request-target SP HTTP-version
//
// Between the parts there is one space and nothing else.
func (h *Head) requestLine(line []byte) Fault {
	afterMethod := bytes.IndexByte(line, ' ')
	if afterMethod <= 0 || !httptext.IsToken(line[:afterMethod]) {
		return BadRequest
	}
	h.Method = Span{0, uint32(afterMethod)}
	targetStart := afterMethod + 1
	targetLength := bytes.IndexByte(line[targetStart:], ' ')
	if targetLength <= 0 {
		return BadRequest
	}
	targetEnd := targetStart + targetLength
	if f := h.target(line, targetStart, targetEnd); f != NoFault {
		return f
	}
	return h.version(line[targetEnd+1:])
}

// version parses the version (RFC 9112 §2.3):
//
//	HTTP-version = "HTTP/" DIGIT "." DIGIT
//
// It accepts 1.0 and 1.1, and tells another version from what is not one.
func (h *Head) version(v []byte) Fault {
	const form = "HTTP/1.1"
	if len(v) != len(form) || string(v[:5]) != form[:5] || !httptext.IsDigit(v[5]) || v[6] != '.' || !httptext.IsDigit(v[7]) {
		return BadRequest
	}
	if v[5] != '1' || v[7] > '1' {
		return UnsupportedVersion
	}
	h.Minor = v[7] - '0'
	return NoFault
}

// target finds path and query of the request-target line[start:end] (RFC 9112
// §3.2):
//
//	request-target = origin-form / absolute-form / "*"
//
// It takes them as they are. It decodes nothing and removes no dot segment, so that
// only one string names a route. It refuses CONNECT, because what follows that on
// the connection is not HTTP.
//
// Bytes above 0x7f are not in the grammar of RFC 3986, but clients send them, and
// proxies pass them on. They are accepted where the path is the client's own: behind
// [ForeignPrefix].
func (h *Head) target(line []byte, start, end int) Fault {
	all := byte(0)
	for _, c := range line[start:end] {
		if c <= ' ' || c == 0x7f {
			return BadRequest
		}
		all |= c
	}
	if string(h.Method.Of(line)) == "CONNECT" {
		return BadRequest
	}
	pathStart := start
	switch t := line[start:end]; {
	case t[0] == '/', string(t) == "*":
	default:
		skip := schemeLength(t)
		if skip == 0 {
			return BadRequest
		}
		authority := t[skip:]
		if i := bytes.IndexAny(authority, "/?#"); i >= 0 {
			authority = authority[:i]
		}
		// RFC 9110 §4.2.4: userinfo in a request is an error.
		if len(authority) == 0 || bytes.IndexByte(authority, '@') >= 0 {
			return BadRequest
		}
		pathStart += skip + len(authority)
	}
	if all >= 0x80 && (!isForeign(line[pathStart:end]) || !isASCII(line[start:pathStart])) {
		return BadRequest
	}
	h.Path = Span{uint32(pathStart), uint32(end)}
	if i := bytes.IndexByte(line[pathStart:end], '?'); i >= 0 {
		h.Path.end = uint32(pathStart + i)
		h.Query = Span{uint32(pathStart + i + 1), uint32(end)}
		h.HasQuery = true
	}
	return NoFault
}

// ForeignPrefix is the path in front of a path that is another server's. Envoy's filter
// ext_authz puts it before the client's own.
const ForeignPrefix = "/ext_authz"

// isForeign reports whether a path and query are another server's behind ForeignPrefix.
func isForeign(path []byte) bool {
	const n = len(ForeignPrefix)
	return len(path) > n && string(path[:n]) == ForeignPrefix && (path[n] == '/' || path[n] == '?')
}

func isASCII(b []byte) bool {
	all := byte(0)
	for _, c := range b {
		all |= c
	}
	return all < 0x80
}

// schemeLength is the length of "http://" or "https://" at the start of t, or 0.
func schemeLength(t []byte) int {
	for _, scheme := range []string{"http://", "https://"} {
		if len(t) > len(scheme) && httptext.EqualFold(t[:len(scheme)], scheme) {
			return len(scheme)
		}
	}
	return 0
}
