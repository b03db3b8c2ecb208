//go:build wasip1

// Proxywasm is the verifier as a proxy-wasm guest, for Envoy, Istio, APISIX,
// nginx with ngx_wasm_module and others that host ABI 0.2: built with
//
//	go run ./wasm/build proxywasm
//
// What it decides is in package guest; here are the host's callbacks. It uses
// the ABI directly: the Go SDK for it takes twice the memory, and it asks for
// one value of a header field where several may be sent.
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
var filter = instance{plugins: map[uint32]*guest.Plugin{}, streams: map[uint32]stream{}}

// An instance is shared by all plugins that a proxy configures with the same
// module, and by all requests of a thread.
type instance struct {
	plugins map[uint32]*guest.Plugin // by root context
	streams map[uint32]stream        // by stream context
	buffer  guest.Buffer
	results struct{ data, size uint32 } // where the host writes what it answers

	response   []byte       // the fields of a denial
	connection []byte       // the remaining options of the Connection fields
	denier     guest.Plugin // never configured
}

type stream struct {
	plugin  *guest.Plugin
	granted bool
}

func main() {} // never runs; the host calls the exports instead

//go:wasmexport proxy_abi_version_0_2_0
func abiVersion() {}

// memoryAllocate gives the host memory for what it answers. It is called
// within a call of the host's functions.
//
//go:wasmexport proxy_on_memory_allocate
func memoryAllocate(size uint32) uint32 {
	return address(filter.buffer.Take(size, guest.MaxFields))
}

//go:wasmexport proxy_on_vm_start
func onVMStart(_, _ uint32) uint32 { return 1 }

//go:wasmexport proxy_on_context_create
func onContextCreate(context, root uint32) {
	if root == 0 {
		filter.plugins[context] = &guest.Plugin{}
		return
	}
	filter.streams[context] = stream{plugin: filter.plugins[root]}
}

// onConfigure always answers that all is well: what a host makes of a plugin
// that is not depends on its settings, and letting everything pass is among
// them. A plugin whose configuration is refused denies instead.
//
//go:wasmexport proxy_on_configure
func onConfigure(root, size uint32) uint32 {
	plugin := filter.plugins[root]
	if plugin == nil {
		plugin = &guest.Plugin{}
		filter.plugins[root] = plugin
	}
	configuration, ok := filter.configuration(size)
	if !ok {
		plugin.Wipe()
		logError("auth-service denies every request: the configuration cannot be read")
	} else if err := plugin.Configure(guest.Random(), configuration); err != nil {
		logError("auth-service denies every request: " + err.Error())
	}
	filter.buffer.Release()
	return 1
}

//go:wasmexport proxy_on_request_headers
func onRequestHeaders(context, _, _ uint32) uint32 {
	s := filter.streams[context]
	s.granted = filter.authorize(s.plugin)
	filter.buffer.Release()
	if _, known := filter.streams[context]; known {
		filter.streams[context] = s
	}
	return action(s.granted)
}

// onRequestBody and onRequestTrailers hold a request that was not let pass
// should the host go on with it.
//
//go:wasmexport proxy_on_request_body
func onRequestBody(context, _, _ uint32) uint32 { return action(filter.streams[context].granted) }

//go:wasmexport proxy_on_request_trailers
func onRequestTrailers(context, _ uint32) uint32 { return action(filter.streams[context].granted) }

// onDone answers that nothing is left to do.
//
//go:wasmexport proxy_on_done
func onDone(_ uint32) uint32 { return 1 }

//go:wasmexport proxy_on_log
func onLog(_ uint32) {}

//go:wasmexport proxy_on_delete
func onDelete(context uint32) {
	delete(filter.streams, context)
	if plugin := filter.plugins[context]; plugin != nil {
		plugin.Wipe() // streams that are left are denied
		delete(filter.plugins, context)
	}
}

func action(granted bool) uint32 {
	if granted {
		return continueStream
	}
	return pauseStream
}

func address(b []byte) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}
