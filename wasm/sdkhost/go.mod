module github.com/concrete-security/auth-service/wasm/sdkhost

go 1.26.0

replace github.com/concrete-security/auth-service => ../..

require (
	github.com/concrete-security/auth-service v0.0.0
	github.com/proxy-wasm/proxy-wasm-go-sdk v0.0.0-20250212164326-ab4161dcf924
)

require (
	github.com/tetratelabs/wazero v1.12.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
