// Package guest is the logic of the WebAssembly modules, without their ABIs: it turns
// the bytes that a host hands over into a verdict of package core, and the verdict
// into what the host is to do. It compiles natively, so that all of it is tested and
// fuzzed without a WebAssembly runtime.
//
// Every zero value denies. What goes wrong, a configuration that is refused or
// a host that breaks its ABI, ends in a denial, never in a panic: that would
// end the instance, and in some hosts every instance.
//
// Nothing here is safe for concurrent use, as an instance runs one call at a
// time. A verdict allocates nothing, so that after the configuration an
// instance's memory does not grow and no garbage collection runs in a request.
package guest
