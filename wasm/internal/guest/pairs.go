package guest

import (
	"bytes"
	"encoding/binary"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/internal/identity"
)

// Header fields as proxy-wasm hosts and guests exchange them: the number of
// fields; the lengths of name and value of each; then each name and value,
// with a NUL behind either. All numbers are little-endian and of 32 bits.
//
//	pairs  = count *length *text
//	length = name-length value-length
//	text   = name NUL value NUL

const numberSize = 4

// fields are header fields that are still to be read.
type fields struct {
	count   uint32
	lengths []byte
	texts   []byte
}

// parsePairs returns the fields in pairs. No bytes at all are no fields. It is not
// ok if pairs is not of the form above, or has bytes behind.
func parsePairs(pairs []byte) (_ fields, ok bool) {
	if len(pairs) == 0 {
		return fields{}, true
	}
	if len(pairs) < numberSize {
		return fields{}, false
	}
	count := binary.LittleEndian.Uint32(pairs)
	end := numberSize + uint64(count)*2*numberSize
	if end > uint64(len(pairs)) {
		return fields{}, false
	}
	f := fields{count: count, lengths: pairs[numberSize:end], texts: pairs[end:]}
	for at := 0; at < len(f.lengths); at += numberSize {
		end += uint64(binary.LittleEndian.Uint32(f.lengths[at:])) + 1
		if end > uint64(len(pairs)) || pairs[end-1] != 0 {
			return fields{}, false
		}
	}
	if end != uint64(len(pairs)) {
		return fields{}, false
	}
	return f, true
}

// next reads one field. It is not ok if there is none left.
func (f *fields) next() (name, value []byte, ok bool) {
	if f.count == 0 {
		return nil, nil, false
	}
	f.count--
	return f.text(), f.text(), true
}

// text reads a name or a value.
func (f *fields) text() []byte {
	size := binary.LittleEndian.Uint32(f.lengths)
	text := f.texts[:size]
	f.lengths, f.texts = f.lengths[numberSize:], f.texts[size+1:]
	return text
}

// A Head is what matters of a request's header fields. Its slices are parts of
// what it was read from.
type Head struct {
	// Request has what the fields hold in which a token is accepted.
	Request core.Request

	accept core.Accept
	all    fields
}

// ReadHead reads header fields as a proxy-wasm host writes them. It is not ok if
// they are not of that form.
func ReadHead(pairs []byte, accept core.Accept) (_ Head, ok bool) {
	all, ok := parsePairs(pairs)
	if !ok {
		return Head{}, false
	}
	h := Head{Request: core.Request{Schemes: accept.Schemes}, accept: accept, all: all}
	for {
		name, value, ok := all.next()
		if !ok {
			return h, true
		}
		switch at := placeOf(name, accept); at {
		case nowhere:
		case inAuthorization:
			h.Request.Authorization = value
			h.Request.AuthorizationCount++
		default:
			h.Request.AddField(at, value)
		}
	}
}

const authorization = "authorization"

// What placeOf returns for names that are not among the fields of an Accept.
const (
	nowhere         = -1
	inAuthorization = -2
)

// placeOf returns which place of a token a field of that name is: the index of a field
// of accept, inAuthorization, or nowhere.
func placeOf(name []byte, accept core.Accept) int {
	if httptext.EqualFold(name, authorization) && accept.Schemes != core.NoScheme {
		return inAuthorization
	}
	for i, field := range accept.Fields {
		if httptext.EqualFold(name, field) {
			return i
		}
	}
	return nowhere
}

// Remove calls remove with the name of each field that a program behind the proxy
// might take for one that says who asks and, if strip is set, of each field in which a
// token is accepted. The name is as the client wrote it. Remove stops, and returns
// false, where remove does.
func (h Head) Remove(strip bool, remove func(name []byte) bool) bool {
	for {
		name, _, ok := h.all.next()
		if !ok {
			return true
		}
		if (identity.IsIdentity(name) || strip && placeOf(name, h.accept) != nowhere) && !remove(name) {
			return false
		}
	}
}

// said is what a host says of a request. A client may have written any of it.
type said struct{ method, host, uri, requestID, forwardedFor []byte }

// said finds what a log line says of the request: of several fields the first. A token is
// accepted in none of them.
func (h Head) said() (s said) {
	for {
		name, value, ok := h.all.next()
		if !ok {
			return s
		}
		switch {
		case string(name) == ":method":
			s.method = value
		case string(name) == ":authority":
			s.host = value
		case string(name) == ":path":
			s.uri = value
		case httptext.EqualFold(name, requestID) && len(s.requestID) == 0:
			s.requestID = value
		case httptext.EqualFold(name, forwardedFor) && len(s.forwardedFor) == 0:
			s.forwardedFor = value
		}
	}
}

// Names of fields that a log line has.
const (
	requestID    = "x-request-id"
	forwardedFor = "x-forwarded-for"
)

// firstOf returns the first of the addresses in an X-Forwarded-For field.
func firstOf(forwardedFor []byte) []byte {
	first, _, _ := bytes.Cut(forwardedFor, []byte{','})
	return httptext.Trim(first)
}

// AppendConnection appends to left the remaining options of all Connection fields;
// see [identity.AppendConnection]. It is not ok if these are longer than [identity.MaxConnection].
func (h Head) AppendConnection(left []byte) (_ []byte, named, ok bool) {
	size := 0
	for {
		name, value, more := h.all.next()
		if !more {
			return left, named, true
		}
		if !identity.IsConnection(name) {
			continue
		}
		if size += len(value) + 1; size > identity.MaxConnection {
			return left, false, false
		}
		var n bool
		left, n = identity.AppendConnection(left, value)
		named = named || n
	}
}

// AppendPairs appends header fields of one name, one for each value, in the same form.
func AppendPairs(b []byte, name string, values []string) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(values)))
	for _, value := range values {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(name)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	}
	for _, value := range values {
		b = append(append(b, name...), 0)
		b = append(append(b, value...), 0)
	}
	return b
}
