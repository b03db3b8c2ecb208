//go:build wasip1

package main

import (
	"unsafe"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/identity"
	"github.com/concrete-security/auth-service/wasm/internal/guest"
)

const (
	levelError = 4

	pluginConfiguration = 7 // kind of buffer
	requestFields       = 0 // kind of header map

	statusOK       = 0
	statusNotFound = 1

	noGRPCStatus = -1
)

// The host's functions answer a status. Those that give data let
// proxy_on_memory_allocate find a place for it, and write where it is.

//go:wasmimport env proxy_log
//go:noescape
func proxyLog(level uint32, message string) (status uint32)

//go:wasmimport env proxy_get_buffer_bytes
//go:noescape
func proxyGetBufferBytes(kind, start, size uint32, data, dataSize unsafe.Pointer) (status uint32)

//go:wasmimport env proxy_get_header_map_pairs
//go:noescape
func proxyGetHeaderMapPairs(kind uint32, data, dataSize unsafe.Pointer) (status uint32)

//go:wasmimport env proxy_replace_header_map_value
//go:noescape
func proxyReplaceHeaderMapValue(kind uint32, name, value string) (status uint32)

//go:wasmimport env proxy_remove_header_map_value
//go:noescape
func proxyRemoveHeaderMapValue(kind uint32, name unsafe.Pointer, nameSize uint32) (status uint32)

//go:wasmimport env proxy_send_local_response
//go:noescape
func proxySendLocalResponse(status uint32, detail, body string, fields unsafe.Pointer, fieldsSize uint32, grpcStatus int32) (result uint32)

func logError(message string) { proxyLog(levelError, message) }

// configuration asks for a plugin's configuration, which is in the buffer.
func (f *instance) configuration(size uint32) ([]byte, bool) {
	if size == 0 {
		return nil, true
	}
	f.expect()
	if proxyGetBufferBytes(pluginConfiguration, 0, size, unsafe.Pointer(&f.results.data), unsafe.Pointer(&f.results.size)) != statusOK {
		return nil, false
	}
	return f.result()
}

// authorize decides on the request that the host is at, and tells it what to
// do. It reports whether the request may pass.
func (f *instance) authorize(plugin *guest.Plugin) bool {
	f.expect()
	status := proxyGetHeaderMapPairs(requestFields, unsafe.Pointer(&f.results.data), unsafe.Pointer(&f.results.size))
	pairs, ok := f.result()
	head, wellFormed := guest.ReadHead(pairs)
	now, clock := guest.Now()
	if plugin == nil || status != statusOK || !ok || !wellFormed || !clock {
		plugin = &f.denier // what cannot be understood is denied
	}
	d := plugin.Authorize(head.Authorization, head.Fields, now)
	if d.Granted() {
		if d = f.pass(plugin, head, d); d.Granted() {
			return true
		}
	}
	deny(plugin, d.Reason)
	return false
}

// expect forgets what the host answered before.
func (f *instance) expect() {
	f.buffer.Release()
	f.results.data, f.results.size = 0, 0
}

// result is what the host has answered: it must lie in the buffer that was
// taken for it.
func (f *instance) result() ([]byte, bool) {
	buffer := f.buffer.Taken()
	if f.results.size == 0 {
		return nil, true
	}
	if f.results.data != address(buffer) || uint64(f.results.size) > uint64(len(buffer)) {
		return nil, false
	}
	return buffer[:f.results.size], true
}

// pass sets the identity field of a granted request, and removes all others that
// may be mistaken for it. If that fails, it denies the request.
func (f *instance) pass(plugin *guest.Plugin, head guest.Head, d core.Decision) core.Decision {
	connection, named, ok := head.AppendConnection(f.connection[:0])
	f.connection = connection
	if !ok {
		return core.Decision{Reason: core.Malformed}
	}
	if !(removeIdentities(head) && replace(identity.User, d.Principal) &&
		(!named || replaceConnection(connection)) &&
		(!plugin.StripsAuthorization() || remove(head.Name))) {
		return core.Decision{Reason: core.Unconfigured} // the proxy did not do as it was told
	}
	return d
}

func removeIdentities(head guest.Head) bool {
	for name := range head.Identities() {
		if !remove(name) {
			return false
		}
	}
	return true
}

// replaceConnection replaces all Connection fields with one. If there are several,
// some hosts replace only the first.
func replaceConnection(value []byte) bool {
	return remove([]byte(identity.Connection)) &&
		(len(value) == 0 || replace(identity.Connection, unsafe.String(unsafe.SliceData(value), len(value))))
}

func replace(name, value string) bool {
	return proxyReplaceHeaderMapValue(requestFields, name, value) == statusOK
}

// remove takes a field off the request. Of a name that the client sent twice
// nothing may be left at the second time.
func remove(name []byte) bool {
	status := proxyRemoveHeaderMapValue(requestFields, unsafe.Pointer(unsafe.SliceData(name)), uint32(len(name)))
	return status == statusOK || status == statusNotFound
}

func deny(plugin *guest.Plugin, reason core.Reason) {
	var fields []byte
	if challenge := plugin.Challenge(reason); challenge != "" {
		filter.response = guest.AppendPairs(filter.response[:0], guest.ChallengeName, challenge)
		fields = filter.response
	}
	proxySendLocalResponse(uint32(reason.Status()), guest.Detail(reason), "", unsafe.Pointer(unsafe.SliceData(fields)), uint32(len(fields)), noGRPCStatus)
}
