module github.com/concrete-security/auth-service/wasm/wasmtime

go 1.26.0

replace github.com/concrete-security/auth-service => ../..

require (
	github.com/bytecodealliance/wasmtime-go/v44 v44.0.0
	github.com/concrete-security/auth-service v0.0.0
)
