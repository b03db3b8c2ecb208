// Package wasmtime holds the reactor module, under the runtime wasmtime, to
// the vectors of core/vectors. Wasmtime needs cgo and is a large download, so
// that this is a module of its own and its test has a build tag:
//
//	CGO_ENABLED=1 go test -tags wasmtime ./...
package wasmtime
