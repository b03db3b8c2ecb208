//go:build wasip1

// Httpwasm is the verifier as an http-wasm guest, for Traefik, Dapr and others
// that host the http-handler ABI: built with
//
//	go run ./wasm/build httpwasm
//
// What it decides is in package guest; here are the host's functions.
package main

import (
	"unsafe"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/wasm/internal/guest"
)

// Kinds of header fields.
const (
	requestFields  = 0
	responseFields = 1
)

// Levels of log lines.
const (
	levelDebug = -1
	levelError = 2
)

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

//go:wasmimport http_handler remove_header
//go:noescape
func removeHeader(kind uint32, name string)

//go:wasmimport http_handler set_status_code
func setStatusCode(code uint32)

//go:wasmimport http_handler log
//go:noescape
func log(level int32, message string)

// filter is a variable of the package because exported functions have no
// receiver: an instance is one plugin with one configuration, which it asks
// for when it is initialized. A host that does not initialize it cannot call
// its exports: the Go runtime traps.
var filter = newFilter()

type instance struct {
	plugin     guest.Plugin
	buffer     guest.Buffer
	connection []byte // the remaining options of the Connection fields
}

func main() {} // never runs; the host calls the exports instead

func newFilter() *instance {
	f := &instance{}
	length := getConfig(nil, 0)
	buffer := f.buffer.Take(length, guest.MaxConfiguration)
	if n := uint32(len(buffer)); n > 0 {
		length = getConfig(unsafe.Pointer(&buffer[0]), n)
	}
	if length > uint32(len(buffer)) {
		log(levelError, "auth-service denies every request: the configuration is too long")
		return f
	}
	if err := f.plugin.Configure(guest.Random(), buffer); err != nil {
		log(levelError, "auth-service denies every request: "+err.Error())
	}
	f.buffer.Release()
	return f
}

// handleRequest answers 1 to let the request pass, and 0 where it has set the
// response.
//
//go:wasmexport handle_request
func handleRequest() uint64 {
	authorization, fields := filter.authorization()
	now, ok := guest.Now()
	d := filter.plugin.Authorize(authorization, fields, now)
	filter.buffer.Release()
	if !ok && d.Granted() { // nothing is known of the expiry
		d = core.Decision{Reason: core.Unconfigured}
	}
	if d.Granted() {
		d = filter.pass(d)
		filter.buffer.Release()
	}
	if !d.Granted() {
		deny(d.Reason)
		return 0
	}
	return 1
}

// handleResponse has nothing to do.
//
//go:wasmexport handle_response
func handleResponse(_, _ uint32) {}

// authorization asks for the request's Authorization fields. The value is in
// the buffer; of several fields, or of one too long, there is none.
func (f *instance) authorization() (value []byte, fields int) {
	const usual = 4 << 10 // every byte of it is wiped, twice
	buffer := f.buffer.Take(usual, usual)
	count, length := authorizationInto(buffer)
	if length > usual && count == 1 {
		// Nothing was written. The values come with a NUL behind each.
		if buffer = f.buffer.Take(length, guest.MaxAuthorization+1); buffer == nil {
			return nil, several
		}
		count, length = authorizationInto(buffer)
	}
	switch {
	case count == 0:
		return nil, 0
	case count > 1, length == 0, length > uint32(len(buffer)):
		return nil, several
	}
	return buffer[:length-1], 1
}

func authorizationInto(buffer []byte) (count, length uint32) {
	result := getHeaderValues(requestFields, "authorization", unsafe.Pointer(&buffer[0]), uint32(len(buffer)))
	return uint32(result >> 32), uint32(result)
}

// several stands for fields of which no single value can be read.
const several = 2

func deny(reason core.Reason) {
	log(levelDebug, guest.Detail(reason))
	if challenge := filter.plugin.Challenge(reason); challenge != "" {
		setHeaderValue(responseFields, guest.ChallengeName, challenge) // before the status, which sends them
	}
	setStatusCode(uint32(reason.Status()))
}
