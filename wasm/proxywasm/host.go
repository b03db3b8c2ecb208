//go:build wasip1

package main

import (
	"unsafe"

	"github.com/concrete-security/auth-service/wasm/internal/guest"
)

const (
	counter = 0 // kind of metric

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

//go:wasmimport env proxy_define_metric
//go:noescape
func proxyDefineMetric(kind uint32, name string, id unsafe.Pointer) (status uint32)

//go:wasmimport env proxy_increment_metric
//go:noescape
func proxyIncrementMetric(id uint32, by int64) (status uint32)

//go:wasmimport env proxy_get_property
//go:noescape
func proxyGetProperty(name string, data, dataSize unsafe.Pointer) (status uint32)

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
func proxyRemoveHeaderMapValue(kind uint32, name string) (status uint32)

//go:wasmimport env proxy_send_local_response
//go:noescape
func proxySendLocalResponse(status uint32, detail, body string, fields unsafe.Pointer, fieldsSize uint32, grpcStatus int32) (result uint32)

// levels are what the host calls those of a line.
var levels = [guest.Levels]uint32{guest.Debug: 1, guest.Warning: 3, guest.Error: 4}

var host = guest.ProxyHost{
	Configuration: func(size uint32) guest.Answer {
		return answered(func(data, dataSize unsafe.Pointer) (status uint32) {
			return proxyGetBufferBytes(pluginConfiguration, 0, size, data, dataSize)
		})
	},
	RequestFields: func() guest.Answer {
		return answered(func(data, dataSize unsafe.Pointer) (status uint32) {
			return proxyGetHeaderMapPairs(requestFields, data, dataSize)
		})
	},
	ReplaceRequestField: func(name, value string) bool {
		return proxyReplaceHeaderMapValue(requestFields, name, value) == statusOK
	},
	RemoveRequestField: func(name string) bool {
		status := proxyRemoveHeaderMapValue(requestFields, name)
		return status == statusOK || status == statusNotFound
	},
	Respond: func(status uint32, detail string, fields []byte) {
		proxySendLocalResponse(status, detail, "", unsafe.Pointer(unsafe.SliceData(fields)), uint32(len(fields)), noGRPCStatus)
	},
	Log: func(level guest.Level, message string) { proxyLog(levels[level], message) },
	Property: func(name string) guest.Answer {
		return answered(func(data, dataSize unsafe.Pointer) (status uint32) {
			return proxyGetProperty(name, data, dataSize)
		})
	},
	DefineCounter: func(name string) (id uint32, ok bool) {
		status := proxyDefineMetric(counter, name, unsafe.Pointer(&answer.data))
		return answer.data, status == statusOK
	},
	Count:  func(id uint32) { proxyIncrementMetric(id, 1) },
	Random: guest.Random(),
	Now:    guest.Now,
}

// answer is where the host writes the place and the length of what it answers. It is
// not on the stack: the host calls proxy_on_memory_allocate before it writes, and a
// collection of garbage in there may move the stack of the function that asks.
var answer struct{ data, size uint32 }

func answered(ask func(data, dataSize unsafe.Pointer) (status uint32)) guest.Answer {
	answer.data, answer.size = 0, 0
	status := ask(unsafe.Pointer(&answer.data), unsafe.Pointer(&answer.size))
	return guest.Answer{OK: status == statusOK, Address: uintptr(answer.data), Size: answer.size}
}
