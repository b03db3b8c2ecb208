//go:build wasip1

// Command reactor is the verifier as a WASI module for any embedder. Built with
//
//	go run ./wasm/build reactor
//
// it exports the functions that docs/reactor-abi.md describes. Package guest has what
// they do. Here pointers become slices and back.
package main

import (
	"unsafe"

	"github.com/concrete-security/auth-service/wasm/internal/guest"
)

// verifier is a variable of the package because exported functions have no
// receiver: an instance is one verifier.
var verifier guest.Reactor

func main() {} // never runs; a reactor has exports instead

//go:wasmexport abi_version
func abiVersion() int32 { return guest.ABIVersion }

//go:wasmexport alloc
func alloc(size uint32) uint32 { return address(verifier.Alloc(size)) }

//go:wasmexport configure
func configure(ptr, length uint32) int32 {
	return int32(verifier.Configure(guest.Random(), span(ptr, length)))
}

//go:wasmexport accept
func accept(schemes uint32) int32 { return int32(verifier.Accept(schemes)) }

//go:wasmexport authorize
func authorize(authPtr, authLen, scopePtr, scopeLen uint32, now int64) int32 {
	return verifier.Authorize(span(authPtr, authLen), span(scopePtr, scopeLen), now)
}

//go:wasmexport reason
func reason() int32 { return verifier.Reason() }

//go:wasmexport principal
func principal() int64 { return text(verifier.Principal()) }

//go:wasmexport scopes
func scopes() int64 { return text(verifier.Scopes()) }

//go:wasmexport key
func key() int64 { return text(verifier.Key()) }

//go:wasmexport last_error
func lastError() int64 { return text(verifier.Failure()) }

// span tells a pointer's distance from the start of the buffer. Of a pointer
// before it the distance wraps around to more than any buffer's length.
func span(ptr, length uint32) guest.Span {
	return guest.Span{Offset: ptr - address(verifier.Buffer()), Length: length}
}

// address is that of b, or 0 for nil.
func address(b []byte) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}

// text gives the address and the length of s, or 0 if it is empty. The
// verifier keeps s from being collected until its next call.
func text(s string) int64 {
	if s == "" {
		return 0
	}
	return int64(uintptr(unsafe.Pointer(unsafe.StringData(s))))<<32 | int64(len(s))
}
