//go:build wasip1

// Command proxywasm is the verifier as a proxy-wasm guest, for Envoy, Istio and others
// that host ABI 0.2. It is built with
//
//	go run ./wasm/build proxywasm
//
// Package guest has what it does. Here are the callbacks that the host calls, and in
// host.go the host's functions. It uses the ABI directly, because the Go SDK takes
// twice the memory and asks for one value of a header field where several may be sent.
package main

import (
	"unsafe"

	"github.com/concrete-security/auth-service/wasm/internal/guest"
)

// What a callback for a stream answers.
const (
	continueStream uint32 = 0
	pauseStream    uint32 = 1
)

// filter is a variable of the package because exported functions have no
// receiver.
var filter = guest.ProxyWasm{Host: host}

func main() {} // never runs; the host calls the exports instead

//go:wasmexport proxy_abi_version_0_2_0
func abiVersion() {}

// memoryAllocate gives the host memory for what it answers. It is called
// within a call of the host's functions.
//
//go:wasmexport proxy_on_memory_allocate
func memoryAllocate(size uint32) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(filter.Allocate(size)))))
}

//go:wasmexport proxy_on_vm_start
func onVMStart(_, _ uint32) uint32 { return 1 }

//go:wasmexport proxy_on_context_create
func onContextCreate(context, root uint32) { filter.Create(context, root) }

// onConfigure always answers that all is well: what a host makes of a plugin
// that is not depends on its settings, and letting everything pass is among
// them. A plugin whose configuration is refused denies instead.
//
//go:wasmexport proxy_on_configure
func onConfigure(root, size uint32) uint32 {
	filter.Configure(root, size)
	return 1
}

//go:wasmexport proxy_on_request_headers
func onRequestHeaders(context, _, _ uint32) uint32 { return action(filter.RequestHeaders(context)) }

// onRequestBody and onRequestTrailers hold a request that was not let pass
// should the host go on with it.
//
//go:wasmexport proxy_on_request_body
func onRequestBody(context, _, _ uint32) uint32 { return action(filter.Passes(context)) }

//go:wasmexport proxy_on_request_trailers
func onRequestTrailers(context, _ uint32) uint32 { return action(filter.Passes(context)) }

// onDone answers that nothing is left to do.
//
//go:wasmexport proxy_on_done
func onDone(_ uint32) uint32 { return 1 }

//go:wasmexport proxy_on_log
func onLog(_ uint32) {}

//go:wasmexport proxy_on_delete
func onDelete(context uint32) { filter.Delete(context) }

func action(pass bool) uint32 {
	if pass {
		return continueStream
	}
	return pauseStream
}
