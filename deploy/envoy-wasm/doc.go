// Package envoywasm has configurations of proxies that run the verifier's
// proxy-wasm module, and tests of these against the types that the proxies
// publish. It is a module of its own because of what those types import.
package envoywasm
