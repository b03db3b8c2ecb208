//go:build wasip1

package main

import (
	"bytes"
	"unsafe"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/identity"
	"github.com/concrete-security/auth-service/wasm/internal/guest"
)

// pass sets the identity field of a granted request, and removes all others that
// may be mistaken for it. If that fails, it denies the request.
func (f *instance) pass(d core.Decision) core.Decision {
	names, ok := f.list(headerNames)
	if !ok {
		return core.Decision{Reason: core.Malformed}
	}
	connection := false
	for len(names) > 0 {
		var name []byte
		name, names = next(names)
		if identity.IsIdentity(name) {
			removeHeader(requestFields, text(name))
		}
		connection = connection || identity.IsConnection(name)
	}
	if connection && !f.cleanConnection() {
		return core.Decision{Reason: core.Malformed}
	}
	setHeaderValue(requestFields, identity.User, d.Principal)
	if f.plugin.StripsAuthorization() {
		removeHeader(requestFields, "authorization")
	}
	return d
}

// cleanConnection removes the names of identity fields from the request's
// Connection fields. It returns false if these are too long.
func (f *instance) cleanConnection() bool {
	values, ok := f.list(connectionValues)
	if !ok || len(values) > identity.MaxConnection {
		return false
	}
	named := false
	f.connection = f.connection[:0]
	for len(values) > 0 {
		var value []byte
		var n bool
		value, values = next(values)
		f.connection, n = identity.AppendConnection(f.connection, value)
		named = named || n
	}
	switch {
	case !named:
	case len(f.connection) == 0:
		removeHeader(requestFields, identity.Connection)
	default:
		setHeaderValue(requestFields, identity.Connection, text(f.connection)) // in the place of all
	}
	return true
}

// list asks the host for a list of texts, each followed by a NUL. They are in the
// buffer. It returns false if they are too long, or not what the host says they
// are.
func (f *instance) list(ask func(buffer []byte) (count, length uint32)) (texts []byte, ok bool) {
	const usual = 1 << 10
	buffer := f.buffer.Take(usual, usual)
	count, length := ask(buffer)
	if length > usual {
		// Nothing was written.
		if buffer = f.buffer.Take(length, guest.MaxNames); buffer == nil {
			return nil, false
		}
		count, length = ask(buffer)
	}
	if uint64(length) > uint64(len(buffer)) {
		return nil, false
	}
	texts = buffer[:length]
	return texts, bytes.Count(texts, []byte{0}) == int(count) && bytes.LastIndexByte(texts, 0) == int(length)-1
}

func headerNames(buffer []byte) (count, length uint32) {
	result := getHeaderNames(requestFields, unsafe.Pointer(&buffer[0]), uint32(len(buffer)))
	return uint32(result >> 32), uint32(result)
}

func connectionValues(buffer []byte) (count, length uint32) {
	result := getHeaderValues(requestFields, identity.Connection, unsafe.Pointer(&buffer[0]), uint32(len(buffer)))
	return uint32(result >> 32), uint32(result)
}

// next splits a list at its first NUL. A list from list has one.
func next(list []byte) (first, rest []byte) {
	at := bytes.IndexByte(list, 0)
	return list[:at], list[at+1:]
}

// text is b as a string, for the duration of a call.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
