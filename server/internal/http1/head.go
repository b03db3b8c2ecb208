package server

import "bytes"

// Limits on a request head. The first two are the contract of the service
// that this one replaces; the third keeps whitespace, which these do not
// count, from growing without bound.
const (
	maxRequestLine = 8192 // bytes with CRLF
	maxFieldSum    = 8192 // sum over all field lines of name and trimmed value
	maxFieldLines  = 99
	maxHead        = 32 << 10
)

// fault is why a request is refused unseen; the zero fault is none.
type fault uint8

const (
	noFault fault = iota
	badRequest
	uriTooLong
	fieldsTooLarge
	unsupportedCoding
	unsupportedVersion
	requestTimeout // no parser's: the head never ended
	overloaded     // no parser's: a connection too many
)

// span is a part of the buffer that holds the head. Offsets, not slices, since
// the buffer may be another one at the next call.
type span struct{ start, end uint16 }

func (s span) of(buf []byte) []byte { return buf[s.start:s.end] }

// maxScopeFields is how many X-Auth-Scope field lines are kept; see
// head.scopeFields.
const maxScopeFields = 8

// head is a request head, parsed as far as it has arrived (RFC 9112 §2 to
// §6). Its zero value is ready for parse. It holds no bytes of the request,
// only where they are.
type head struct {
	next    int // start of the first line that is not complete
	scanned int // that line has no LF before this

	method, path, query span
	hasQuery            bool
	minor               byte // HTTP/1.minor

	fieldLines int
	fieldSum   int

	hosts          int
	authorizations int
	authorization  span // of the first one
	scopeFields    int  // may exceed maxScopeFields
	scopes         [maxScopeFields]span
	realIP         span
	forwardedFor   span
	originalURI    span

	contentLength   int64
	lengthDigits    int // its digits; 0 if there is none
	codings         int // Transfer-Encoding field lines
	expectContinue  bool
	connectionClose bool
	connectionKeep  bool
}

// parse goes on with a head of which buf holds all bytes that have arrived,
// those of earlier calls first. It returns the head's length in bytes once it
// is complete, 0 if bytes are missing, or a fault; after a fault the
// connection is of no further use. It allocates nothing and looks at each
// byte once, but for the last, incomplete line.
func (h *head) parse(buf []byte) (length int, f fault) {
	for {
		line, complete, f := h.nextLine(buf)
		if f != noFault || !complete {
			return 0, f
		}
		start := h.next
		h.next += len(line) + len("\r\n")
		h.scanned = h.next
		switch {
		case start == 0:
			f = h.requestLine(line)
		case len(line) == 0:
			return h.next, h.finish()
		default:
			f = h.fieldLine(line, start)
		}
		if f != noFault {
			return 0, f
		}
	}
}

// nextLine returns the next line without its CRLF. Of a line that is not
// complete it says whether it can still become a good one, so that a client
// that never ends its line is answered.
func (h *head) nextLine(buf []byte) (line []byte, complete bool, f fault) {
	limit, tooLong := maxHead, fieldsTooLarge
	if h.next == 0 {
		limit, tooLong = maxRequestLine, uriTooLong
	}
	visible := buf[:min(len(buf), limit)]
	end := bytes.IndexByte(visible[h.scanned:], '\n')
	if end < 0 {
		rest := visible[h.scanned:]
		if len(rest) > 0 && rest[len(rest)-1] == '\r' {
			rest = rest[:len(rest)-1] // its LF may follow
		}
		if len(visible) == limit {
			return nil, false, tooLong
		}
		if !validText(rest) {
			return nil, false, badRequest
		}
		h.scanned += len(rest)
		if h.next > 0 && h.exceedsFieldSum(visible[h.next:h.scanned]) {
			return nil, false, fieldsTooLarge
		}
		return nil, false, noFault
	}
	end += h.scanned
	if end == h.next || visible[end-1] != '\r' {
		return nil, false, badRequest // RFC 9112 §2.2: a bare LF may end a line; it may also hide one
	}
	return visible[h.next : end-1], true, noFault
}

// exceedsFieldSum reports whether an incomplete field line is already too
// long, whatever follows.
func (h *head) exceedsFieldSum(line []byte) bool {
	if h.fieldSum+len(line) <= maxFieldSum {
		return false
	}
	name, value, _ := bytes.Cut(line, []byte{':'})
	return h.fieldSum+len(name)+len(trimWhitespace(value)) > maxFieldSum
}

// requestLine parses method SP request-target SP HTTP-version (RFC 9112 §3),
// single spaces, nothing else.
func (h *head) requestLine(line []byte) fault {
	afterMethod := bytes.IndexByte(line, ' ')
	if afterMethod <= 0 || !isToken(line[:afterMethod]) {
		return badRequest
	}
	h.method = span{0, uint16(afterMethod)}
	targetStart := afterMethod + 1
	targetLength := bytes.IndexByte(line[targetStart:], ' ')
	if targetLength <= 0 {
		return badRequest
	}
	targetEnd := targetStart + targetLength
	if f := h.target(line, targetStart, targetEnd); f != noFault {
		return f
	}
	return h.version(line[targetEnd+1:])
}

// version accepts HTTP/1.0 and HTTP/1.1, and tells another version from
// something that is none (RFC 9112 §2.3).
func (h *head) version(v []byte) fault {
	const form = "HTTP/1.1"
	if len(v) != len(form) || string(v[:5]) != form[:5] || !isDigit(v[5]) || v[6] != '.' || !isDigit(v[7]) {
		return badRequest
	}
	if v[5] != '1' || v[7] > '1' {
		return unsupportedVersion
	}
	h.minor = v[7] - '0'
	return noFault
}

// target finds path and query of line[start:end], a request-target in
// origin-form, absolute-form or asterisk-form (RFC 9112 §3.2). They are taken
// as they are: nothing is decoded and no dot segment removed, so that one
// string alone names a route. CONNECT is refused, since what follows it on the
// connection is not HTTP.
func (h *head) target(line []byte, start, end int) fault {
	for _, c := range line[start:end] {
		if c <= ' ' || c >= 0x7f {
			return badRequest
		}
	}
	if string(h.method.of(line)) == "CONNECT" {
		return badRequest
	}
	pathStart := start
	switch t := line[start:end]; {
	case t[0] == '/', string(t) == "*":
	default:
		skip := schemeLength(t)
		if skip == 0 {
			return badRequest
		}
		authority := t[skip:]
		if i := bytes.IndexAny(authority, "/?#"); i >= 0 {
			authority = authority[:i]
		}
		// RFC 9110 §4.2.4: userinfo in a request is an error.
		if len(authority) == 0 || bytes.IndexByte(authority, '@') >= 0 {
			return badRequest
		}
		pathStart += skip + len(authority)
	}
	h.path = span{uint16(pathStart), uint16(end)}
	if i := bytes.IndexByte(line[pathStart:end], '?'); i >= 0 {
		h.path.end = uint16(pathStart + i)
		h.query = span{uint16(pathStart + i + 1), uint16(end)}
		h.hasQuery = true
	}
	return noFault
}

// schemeLength is the length of "http://" or "https://" at the start of t, or 0.
func schemeLength(t []byte) int {
	for _, scheme := range []string{"http://", "https://"} {
		if len(t) > len(scheme) && equalFold(t[:len(scheme)], scheme) {
			return len(scheme)
		}
	}
	return 0
}

// fieldLine parses field-name ":" OWS field-value OWS (RFC 9112 §5); start is
// where line starts in the buffer.
func (h *head) fieldLine(line []byte, start int) fault {
	colon := bytes.IndexByte(line, ':')
	// An empty name, one with whitespace before the colon (RFC 9112 §5.1) and
	// a folded line (§5.2) all fail here, since a token has no whitespace.
	if colon <= 0 || !isToken(line[:colon]) || !validText(line[colon+1:]) {
		return badRequest
	}
	h.fieldLines++
	value := trimWhitespace(line[colon+1:])
	h.fieldSum += colon + len(value)
	if h.fieldLines > maxFieldLines || h.fieldSum > maxFieldSum {
		return fieldsTooLarge
	}
	valueStart := start + colon + 1
	for valueStart < start+len(line) && isWhitespace(line[valueStart-start]) {
		valueStart++
	}
	return h.field(line[:colon], value, span{uint16(valueStart), uint16(valueStart + len(value))})
}

// field takes note of the fields that matter here and forgets all others.
func (h *head) field(name, value []byte, at span) fault {
	switch len(name) {
	case len("host"):
		if equalFold(name, "host") {
			h.hosts++
		}
	case len("expect"):
		if equalFold(name, "expect") && equalFold(value, "100-continue") {
			h.expectContinue = true
		}
	case len("x-real-ip"):
		if equalFold(name, "x-real-ip") {
			h.realIP.setOnce(at)
		}
	case len("connection"):
		if equalFold(name, "connection") {
			h.connection(value)
		}
	case len("x-auth-scope"):
		if equalFold(name, "x-auth-scope") {
			if h.scopeFields < maxScopeFields {
				h.scopes[h.scopeFields] = at
			}
			h.scopeFields++
		}
	case len("authorization"):
		if equalFold(name, "authorization") {
			if h.authorizations == 0 {
				h.authorization = at
			}
			h.authorizations++
		}
	case len("content-length"): // and x-original-uri
		switch {
		case equalFold(name, "content-length"):
			return h.length(value)
		case equalFold(name, "x-original-uri"):
			h.originalURI.setOnce(at)
		}
	case len("x-forwarded-for"):
		if equalFold(name, "x-forwarded-for") {
			h.forwardedFor.setOnce(at)
		}
	case len("transfer-encoding"):
		if equalFold(name, "transfer-encoding") {
			h.codings++
			if !equalFold(value, "chunked") {
				return unsupportedCoding
			}
		}
	}
	return noFault
}

func (s *span) setOnce(at span) {
	if *s == (span{}) {
		*s = at
	}
}

// connection reads the connection options of one field line (RFC 9110 §7.6.1).
func (h *head) connection(value []byte) {
	for len(value) > 0 {
		option, rest, _ := bytes.Cut(value, []byte{','})
		switch option = trimWhitespace(option); {
		case equalFold(option, "close"):
			h.connectionClose = true
		case equalFold(option, "keep-alive"):
			h.connectionKeep = true
		}
		value = rest
	}
}

// length reads a Content-Length: digits alone, and the same number every time
// (RFC 9112 §6.3).
func (h *head) length(value []byte) fault {
	const maxDigits = 18 // the largest such number fits an int64
	if len(value) == 0 || len(value) > maxDigits {
		return badRequest
	}
	n := int64(0)
	for _, c := range value {
		if !isDigit(c) {
			return badRequest
		}
		n = n*10 + int64(c-'0')
	}
	// "5" and "05" are one number, but not to every recipient.
	if h.lengthDigits > 0 && (n != h.contentLength || len(value) != h.lengthDigits) {
		return badRequest
	}
	h.contentLength, h.lengthDigits = n, len(value)
	return noFault
}

// finish checks what only the whole head shows.
func (h *head) finish() fault {
	switch {
	case h.hosts > 1, h.hosts == 0 && h.minor > 0: // RFC 9112 §3.2
		return badRequest
	case h.codings > 1, h.codings > 0 && h.lengthDigits > 0: // RFC 9112 §6.1: a smuggling attempt
		return badRequest
	}
	return noFault
}

// keepsOpen reports whether the client wants the connection to stay open
// (RFC 9112 §9.3).
func (h *head) keepsOpen() bool {
	if h.connectionClose {
		return false
	}
	return h.minor > 0 || h.connectionKeep
}
