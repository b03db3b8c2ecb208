package guest

import (
	"bytes"
	"io"
	"unsafe"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/identity"
)

// An HTTPHost has the functions of an http-wasm host that an [HTTPWasm] calls, and
// those of WASI. All of them must be set.
//
// A function that takes a buffer answers how long its data is. It writes the data
// to the buffer only if all of it fits. Lists have a NUL behind each text.
type HTTPHost struct {
	// Configuration gives the configuration of the plugin.
	Configuration func(buffer []byte) (length uint32)
	// RequestNames gives the names of the request's fields.
	RequestNames func(buffer []byte) (count, length uint32)
	// RequestValues gives the values of the request's fields of that name.
	RequestValues func(name string, buffer []byte) (count, length uint32)
	// SetRequestField replaces all of the request's fields of that name with one.
	SetRequestField func(name, value string)
	// RemoveRequestField removes all of the request's fields of that name.
	RemoveRequestField func(name string)
	// SetResponseField does for the response what SetRequestField does, and
	// AddResponseField keeps the fields of that name that are there.
	SetResponseField, AddResponseField func(name, value string)
	// SetStatus sets the status code of the response, and may send it.
	SetStatus func(code uint32)
	// Method and URI give what the request line has, and Source gives the address
	// and port of the other end of the connection.
	Method, URI, Source func(buffer []byte) (length uint32)
	// Log writes a line to the host's log.
	Log func(level Level, message string)
	// Logs reports whether the host's log shows lines of a level. It is asked once.
	Logs func(level Level) bool

	// Random is the source of the salt.
	Random io.Reader
	// Now is the Unix second. It is not ok if the host has no clock.
	Now func() (seconds int64, ok bool)
}

// An HTTPWasm is the verifier as an instance of an http-wasm module, which is one
// plugin with one configuration. [NewHTTPWasm] makes it.
type HTTPWasm struct {
	host       HTTPHost
	plugin     Plugin
	buffer     Buffer
	tokens     [core.MaxFields]Buffer // what the fields hold that may carry a token
	connection []byte                 // the remaining options of the Connection fields
	audit      audit
}

// NewHTTPWasm returns a plugin with the configuration that the host gives. It logs
// what is wrong with the configuration, and the plugin then denies everything.
func NewHTTPWasm(host HTTPHost) *HTTPWasm {
	h := &HTTPWasm{host: host, audit: newAudit(host.Log, host.Logs)}
	length := host.Configuration(nil)
	buffer := h.buffer.Take(length, MaxConfiguration) // nil if that is too long
	if length = host.Configuration(buffer); length > uint32(len(buffer)) {
		host.Log(Error, denyingEverything+"the configuration is too long")
		return h
	}
	if err := h.plugin.Configure(host.Random, buffer); err != nil {
		host.Log(Error, denyingEverything+err.Error())
	}
	h.buffer.Release()
	return h
}

const denyingEverything = "auth-service denies every request: "

// HandleRequest decides on the request that the host is at. It changes the request
// if that may pass, and otherwise sets the response.
func (h *HTTPWasm) HandleRequest() (pass bool) {
	r := h.request()
	now, clock := h.host.Now()
	o := outcome{Decision: h.plugin.Authorize(&r, now)}
	h.release()
	if !clock && o.Granted() { // nothing is known of the expiry
		o = outcome{core.Decision{Reason: core.Unconfigured}, noClock}
	}
	if o.Granted() {
		o = h.pass(o.Decision)
		h.buffer.Release()
	}
	if clock {
		h.audit.at(now)
	}
	h.report(&o)
	if !o.Granted() {
		h.deny(o.Reason)
	}
	return o.Granted()
}

// several stands for fields of which no single value can be read.
const several = 2

// request asks for the fields in which a token is accepted, and for no others.
func (h *HTTPWasm) request() core.Request {
	accept := h.plugin.Accept()
	r := core.Request{Schemes: accept.Schemes}
	if accept.Schemes != core.NoScheme {
		r.Authorization, r.AuthorizationCount = h.value(authorization, &h.buffer)
	}
	for i, name := range accept.Fields {
		value, count := h.value(name, &h.tokens[i])
		for range count {
			r.AddField(i, value)
		}
	}
	return r
}

// release wipes what request has put into the buffers.
func (h *HTTPWasm) release() {
	h.buffer.Release()
	for i := range h.tokens {
		h.tokens[i].Release()
	}
}

// value asks for the request's fields of that name. The value is in the buffer; of
// several fields, or of one too long, there is none.
func (h *HTTPWasm) value(name string, b *Buffer) (value []byte, fields int) {
	const usual = 4 << 10 // every byte of it is wiped, twice
	buffer := b.Take(usual, usual)
	count, length := h.host.RequestValues(name, buffer)
	if length > usual && count == 1 {
		// Nothing was written. The values come with a NUL behind each.
		if buffer = b.Take(length, MaxAuthorization+1); buffer == nil {
			return nil, several
		}
		count, length = h.host.RequestValues(name, buffer)
	}
	switch {
	case count == 0:
		return nil, 0
	case count > 1, length == 0, length > uint32(len(buffer)):
		return nil, several
	}
	return buffer[:length-1], 1
}

// pass sets the identity fields of a granted request, and removes all others that
// may be mistaken for one. If that fails, it denies the request.
func (h *HTTPWasm) pass(d core.Decision) outcome {
	names, ok := h.list(h.host.RequestNames)
	if !ok {
		return outcome{core.Decision{Reason: core.Malformed}, longNames}
	}
	connection := false
	for len(names) > 0 {
		var name []byte
		name, names = next(names)
		if identity.IsIdentity(name) {
			h.host.RemoveRequestField(text(name))
		}
		connection = connection || identity.IsConnection(name)
	}
	if connection && !h.cleanConnection() {
		return outcome{core.Decision{Reason: core.Malformed}, longConnection}
	}
	h.plugin.Tell(d, h.set)
	if h.plugin.StripsAuthorization() {
		h.strip()
	}
	return outcome{Decision: d}
}

func (h *HTTPWasm) set(name, value string) bool {
	h.host.SetRequestField(name, value)
	return true
}

// strip removes the fields in which a token is accepted.
func (h *HTTPWasm) strip() {
	accept := h.plugin.Accept()
	if accept.Schemes != core.NoScheme {
		h.host.RemoveRequestField(authorization)
	}
	for _, name := range accept.Fields {
		h.host.RemoveRequestField(name)
	}
}

// cleanConnection removes the names of identity fields from the request's
// Connection fields. It returns false if these are too long.
func (h *HTTPWasm) cleanConnection() bool {
	values, ok := h.list(func(buffer []byte) (count, length uint32) {
		return h.host.RequestValues(identity.Connection, buffer)
	})
	if !ok || len(values) > identity.MaxConnection {
		return false
	}
	named := false
	h.connection = h.connection[:0]
	for len(values) > 0 {
		var value []byte
		var n bool
		value, values = next(values)
		h.connection, n = identity.AppendConnection(h.connection, value)
		named = named || n
	}
	switch {
	case !named:
	case len(h.connection) == 0:
		h.host.RemoveRequestField(identity.Connection)
	default:
		h.host.SetRequestField(identity.Connection, text(h.connection)) // in the place of all
	}
	return true
}

// list asks the host for a list of texts, each followed by a NUL. They are in the
// buffer. It returns false if they are too long, or not what the host says they
// are.
func (h *HTTPWasm) list(ask func(buffer []byte) (count, length uint32)) (texts []byte, ok bool) {
	const usual = 1 << 10
	buffer := h.buffer.Take(usual, usual)
	count, length := ask(buffer)
	if length > usual {
		// Nothing was written.
		if buffer = h.buffer.Take(length, MaxNames); buffer == nil {
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

// report writes a line about a decision, if the host's log shows it.
func (h *HTTPWasm) report(o *outcome) {
	line := &h.audit
	if !line.begin(o) {
		return
	}
	// Each is in the buffer until the host is asked for the next.
	if !line.client(h.first(realIP)) && !line.client(firstOf(h.first(forwardedFor))) {
		line.client(h.text(h.host.Source))
	}
	line.method(h.text(h.host.Method))
	line.host(h.first("host"))
	line.uri(h.text(h.host.URI))
	line.requestID(h.first(requestID))
	h.buffer.Release()
	line.end()
}

// realIP names the field in which Traefik tells who asks.
const realIP = "x-real-ip"

const longNames = "the names of the fields are too long"

// first asks for the first of the request's fields of that name, in which no token is
// accepted. The value is in the buffer.
func (h *HTTPWasm) first(name string) []byte {
	values, ok := h.list(func(buffer []byte) (count, length uint32) { return h.host.RequestValues(name, buffer) })
	if !ok || len(values) == 0 {
		return nil
	}
	value, _ := next(values)
	return value
}

// text asks for a text, which is in the buffer. There is none if it is too long.
func (h *HTTPWasm) text(ask func(buffer []byte) (length uint32)) []byte {
	const usual = 1 << 10
	buffer := h.buffer.Take(usual, usual)
	length := ask(buffer)
	if length > usual {
		// Nothing was written.
		buffer = h.buffer.Take(length, MaxNames)
		length = ask(buffer)
	}
	if uint64(length) > uint64(len(buffer)) {
		return nil
	}
	return buffer[:length]
}

func (h *HTTPWasm) deny(reason core.Reason) {
	challenges, _ := h.plugin.Denial(reason)
	send := h.host.SetResponseField
	for _, challenge := range challenges { // before the status, which sends them
		send(ChallengeName, challenge)
		send = h.host.AddResponseField
	}
	h.host.SetStatus(uint32(reason.Status()))
}

// next splits a list at its first NUL. A list from list has one.
func next(list []byte) (first, rest []byte) {
	at := bytes.IndexByte(list, 0)
	return list[:at], list[at+1:]
}

// text is b as a string, for the duration of a call.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
