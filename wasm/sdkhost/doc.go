// Package sdkhost tests the proxy-wasm module in the host that proxy-wasm's Go SDK
// has for tests. It is a module of its own, so that the service does not require
// the SDK.
package sdkhost
