module github.com/concrete-security/auth-service

go 1.26.0

// The program, and server on Linux. Packages core and guard use none of these.
require (
	github.com/KimMachineGun/automemlimit v1.0.1
	github.com/alecthomas/kong v1.17.0
	github.com/coreos/go-systemd/v22 v22.7.0
	golang.org/x/sys v0.49.0
	golang.org/x/term v0.47.0
)

// Package wasm/host, and tests.
require github.com/tetratelabs/wazero v1.12.0

// Only tests import these. A program that uses a package of this module neither
// compiles nor downloads http-wasm-host-go and go-internal. They stay here because
// go test ./... runs every vector in Traefik's host and every script of the command
// line. The program has client_model and common through client_golang.
require (
	github.com/http-wasm/http-wasm-host-go v0.7.0
	github.com/prometheus/client_golang v1.25.0
	github.com/prometheus/client_model v0.6.3
	github.com/prometheus/common v0.72.0
	github.com/rogpeppe/go-internal v1.16.0
)

require (
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/pbnjay/memory v0.0.0-20210728143218-7b4eea64cf58 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/tools v0.26.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
