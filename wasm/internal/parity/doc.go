// Package parity holds every WebAssembly build to the verdicts of the native
// one: the vectors of core/vectors, inputs made up by a fuzzer, and hosts that
// break their ABI. It has tests alone.
//
// By default the modules run in wazero's interpreter, in seconds. With
// AUTH_SERVICE_PARITY=full in the environment they run in its compiler too, and
// the long tests run to their full length. `go test -v -run Parity
// ./wasm/internal/parity` prints the report.
package parity
