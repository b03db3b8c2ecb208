package http1

import (
	"bytes"

	"github.com/concrete-security/auth-service/internal/httptext"
)

// fieldLine parses a field line (RFC 9112 §5), which starts at start in the buffer:
//
//	field-line = token ":" OWS field-value OWS
func (h *Head) fieldLine(line []byte, start int, limit Limit) Fault {
	colon := bytes.IndexByte(line, ':')
	// An empty name, one with whitespace before the colon (RFC 9112 §5.1) and
	// a folded line (§5.2) all fail here, because a token has no whitespace.
	if colon <= 0 || !httptext.IsToken(line[:colon]) || !httptext.IsText(line[colon+1:]) {
		return BadRequest
	}
	h.fieldLines++
	value := httptext.Trim(line[colon+1:])
	h.fieldSum += colon + len(value)
	if h.fieldLines > MaxFieldLines || h.fieldSum > int(limit) {
		return FieldsTooLarge
	}
	valueStart := start + colon + 1
	for valueStart < start+len(line) && httptext.IsSpace(line[valueStart-start]) {
		valueStart++
	}
	return h.field(line[:colon], value, Span{uint32(valueStart), uint32(valueStart + len(value))})
}

// field notes the fields that matter here and forgets all others.
func (h *Head) field(name, value []byte, at Span) Fault {
	switch len(name) {
	case len("host"):
		if httptext.EqualFold(name, "host") {
			h.hosts++
		}
	case len("expect"):
		if httptext.EqualFold(name, "expect") && httptext.EqualFold(value, "100-continue") {
			h.expectContinue = true
		}
	case len("connection"):
		if httptext.EqualFold(name, "connection") {
			h.connection(value)
		}
	case len("x-auth-scope"):
		if httptext.EqualFold(name, "x-auth-scope") {
			if h.ScopeFieldCount < MaxScopeFields {
				h.ScopeFields[h.ScopeFieldCount] = at
			}
			h.ScopeFieldCount++
		}
	case len("authorization"):
		if httptext.EqualFold(name, "authorization") {
			if h.AuthorizationCount == 0 {
				h.Authorization = at
			}
			h.AuthorizationCount++
		}
	case len("content-length"):
		if httptext.EqualFold(name, "content-length") {
			return h.length(value)
		}
	case len("transfer-encoding"):
		if httptext.EqualFold(name, "transfer-encoding") {
			h.codings++
			if !httptext.EqualFold(value, "chunked") {
				return UnsupportedCoding
			}
		}
	}
	return NoFault
}

// connection reads the options of one Connection field line (RFC 9110 §7.6.1):
//
//	Connection = [ option *( OWS "," OWS option ) ]
func (h *Head) connection(value []byte) {
	for len(value) > 0 {
		option, rest, _ := bytes.Cut(value, []byte{','})
		switch option = httptext.Trim(option); {
		case httptext.EqualFold(option, "close"):
			h.connectionClose = true
		case httptext.EqualFold(option, "keep-alive"):
			h.connectionKeep = true
		}
		value = rest
	}
}

// length reads a Content-Length, which must be the same every time (RFC 9112 §6.3):
//
//	Content-Length = 1*18DIGIT
func (h *Head) length(value []byte) Fault {
	const maxDigits = 18 // the largest such number fits an int64
	if len(value) == 0 || len(value) > maxDigits {
		return BadRequest
	}
	n := int64(0)
	for _, c := range value {
		if !httptext.IsDigit(c) {
			return BadRequest
		}
		n = n*10 + int64(c-'0')
	}
	// "5" and "05" are one number, but not to every recipient.
	if h.lengthDigits > 0 && (n != h.contentLength || uint8(len(value)) != h.lengthDigits) {
		return BadRequest
	}
	h.contentLength, h.lengthDigits = n, uint8(len(value))
	return NoFault
}
