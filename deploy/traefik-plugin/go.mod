module github.com/concrete-security/auth-service/deploy/traefik-plugin

go 1.26.0

replace github.com/concrete-security/auth-service => ../..

require (
	github.com/concrete-security/auth-service v0.0.0
	github.com/http-wasm/http-wasm-host-go v0.7.0
	github.com/tetratelabs/wazero v1.12.0
	sigs.k8s.io/yaml v1.6.0
)

require (
	go.yaml.in/yaml/v2 v2.4.2 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
