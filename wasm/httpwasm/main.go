//go:build wasip1

// Command httpwasm is the verifier as an http-wasm guest, for Traefik, Dapr and others
// that host the http-handler ABI. It is built with
//
//	go run ./wasm/build httpwasm
//
// Package guest has what it does. Here are the host's functions.
package main

import (
	"unsafe"

	"github.com/concrete-security/auth-service/wasm/internal/guest"
)

// Kinds of header fields.
const (
	requestFields  = 0
	responseFields = 1
)

// levels are what the host calls those of a line.
var levels = [guest.Levels]int32{guest.Debug: -1, guest.Warning: 1, guest.Error: 2}

//go:wasmimport http_handler get_config
//go:noescape
func getConfig(buffer unsafe.Pointer, limit uint32) (length uint32)

//go:wasmimport http_handler get_header_values
//go:noescape
func getHeaderValues(kind uint32, name string, buffer unsafe.Pointer, limit uint32) (countAndLength uint64)

//go:wasmimport http_handler get_header_names
//go:noescape
func getHeaderNames(kind uint32, buffer unsafe.Pointer, limit uint32) (countAndLength uint64)

//go:wasmimport http_handler set_header_value
//go:noescape
func setHeaderValue(kind uint32, name, value string)

//go:wasmimport http_handler add_header_value
//go:noescape
func addHeaderValue(kind uint32, name, value string)

//go:wasmimport http_handler remove_header
//go:noescape
func removeHeader(kind uint32, name string)

//go:wasmimport http_handler set_status_code
func setStatusCode(code uint32)

//go:wasmimport http_handler get_method
//go:noescape
func getMethod(buffer unsafe.Pointer, limit uint32) (length uint32)

//go:wasmimport http_handler get_uri
//go:noescape
func getURI(buffer unsafe.Pointer, limit uint32) (length uint32)

//go:wasmimport http_handler get_source_addr
//go:noescape
func getSourceAddr(buffer unsafe.Pointer, limit uint32) (length uint32)

//go:wasmimport http_handler log_enabled
//go:noescape
func logEnabled(level int32) (enabled uint32)

//go:wasmimport http_handler log
//go:noescape
func log(level int32, message string)

// filter is a variable of the package because exported functions have no
// receiver. It asks for its configuration when it is initialized. A host that does
// not initialize it cannot call its exports: the Go runtime traps.
var filter = guest.NewHTTPWasm(guest.HTTPHost{
	Configuration: func(buffer []byte) (length uint32) {
		return getConfig(start(buffer), uint32(len(buffer)))
	},
	RequestNames: func(buffer []byte) (count, length uint32) {
		return halves(getHeaderNames(requestFields, start(buffer), uint32(len(buffer))))
	},
	RequestValues: func(name string, buffer []byte) (count, length uint32) {
		return halves(getHeaderValues(requestFields, name, start(buffer), uint32(len(buffer))))
	},
	SetRequestField:    func(name, value string) { setHeaderValue(requestFields, name, value) },
	RemoveRequestField: func(name string) { removeHeader(requestFields, name) },
	SetResponseField:   func(name, value string) { setHeaderValue(responseFields, name, value) },
	AddResponseField:   func(name, value string) { addHeaderValue(responseFields, name, value) },
	SetStatus:          setStatusCode,
	Method:             func(buffer []byte) (length uint32) { return getMethod(start(buffer), uint32(len(buffer))) },
	URI:                func(buffer []byte) (length uint32) { return getURI(start(buffer), uint32(len(buffer))) },
	Source:             func(buffer []byte) (length uint32) { return getSourceAddr(start(buffer), uint32(len(buffer))) },
	Log:                func(level guest.Level, message string) { log(levels[level], message) },
	Logs:               func(level guest.Level) bool { return logEnabled(levels[level]) != 0 },
	Random:             guest.Random(),
	Now:                guest.Now,
})

func main() {} // never runs; the host calls the exports instead

// handleRequest answers 1 to let the request pass, and 0 where it has set the
// response.
//
//go:wasmexport handle_request
func handleRequest() uint64 {
	if filter.HandleRequest() {
		return 1
	}
	return 0
}

// handleResponse has nothing to do.
//
//go:wasmexport handle_response
func handleResponse(_, _ uint32) {}

func start(buffer []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(buffer)) }

func halves(countAndLength uint64) (count, length uint32) {
	return uint32(countAndLength >> 32), uint32(countAndLength)
}
