package deptest_test

import (
	"testing"

	"github.com/concrete-security/auth-service/internal/deptest"
)

// packages lists all packages of this module, from the bottom to the top. Each may
// import what its entry names, and every name has its own entry further up.
//
// Before you add an import, ask whether the package should know of it.
// docs/architecture.md says what each package is for.
var packages = []deptest.Package{
	// The verifier, and the data that every build of it answers to.
	{Folder: "core"},
	{Folder: "core/vectors"},

	// What knows nothing of tokens, or only that they are bytes.
	{Folder: "internal/deptest"},
	{Folder: "internal/httptext"},
	{Folder: "internal/hearsay", Imports: []string{"internal/httptext"}},
	{Folder: "internal/identity", Imports: []string{"internal/httptext"}},
	{Folder: "internal/setting"},
	{Folder: "internal/censor"},
	{Folder: "internal/limits"},
	{Folder: "internal/secret"},
	{Folder: "internal/lifetime", Imports: []string{"core", "internal/setting"}},
	{Folder: "internal/regularfile", Imports: []string{"internal/secret", "internal/setting"}},
	{Folder: "internal/terminal", Imports: []string{"internal/secret"}, Others: []string{"golang.org/x/sys/unix", "golang.org/x/term"}},
	{Folder: "internal/logging", Imports: []string{"internal/censor", "internal/setting"}, Others: []string{"golang.org/x/sys/unix"}},
	{
		Folder:  "internal/listen",
		Imports: []string{"internal/setting"},
		Others:  []string{"golang.org/x/sys/unix"},
	},

	// Tokens, and a Go program's handlers.
	{Folder: "internal/plaintext", Imports: []string{"internal/secret"}},
	{Folder: "internal/tokens", Imports: []string{"core", "internal/plaintext", "internal/regularfile", "internal/secret", "internal/setting"}},
	{
		Folder:  "internal/keyringfile",
		Imports: []string{"core", "internal/regularfile", "internal/secret", "internal/setting", "internal/tokens"},
		Others:  []string{"golang.org/x/sys/unix", "golang.org/x/sys/windows"},
	},
	{Folder: "internal/middleware", Imports: []string{"core", "internal/identity"}},
	{Folder: "guard", Imports: []string{"core", "internal/httptext", "internal/middleware", "internal/secret", "internal/tokens"}},

	// The server.
	{Folder: "server/internal/http1", Imports: []string{"internal/httptext"}},
	{Folder: "server/internal/engine", Imports: []string{"internal/secret"}, Others: []string{"golang.org/x/sys/unix"}},
	{Folder: "server", Imports: []string{"core", "internal/hearsay", "internal/httptext", "internal/secret", "server/internal/engine", "server/internal/http1"}},

	// The program.
	{Folder: "internal/admin/exposition"},
	{Folder: "internal/admin/page"},
	{Folder: "internal/admin/wipehttp", Imports: []string{"internal/httptext", "internal/secret"}},
	{
		Folder:  "internal/admin",
		Imports: []string{"core", "internal/admin/exposition", "internal/admin/page", "internal/admin/wipehttp", "internal/censor", "internal/httptext", "internal/lifetime", "internal/tokens", "server"},
		Others:  []string{"golang.org/x/sys/unix"},
	},
	{
		Folder:  "internal/cli",
		Imports: []string{"core", "internal/listen", "internal/logging", "internal/setting"},
		Others:  []string{"github.com/alecthomas/kong"},
	},
	{
		Folder: "cmd/auth-service",
		Imports: []string{
			"core", "internal/admin", "internal/censor", "internal/cli", "internal/httptext", "internal/keyringfile", "internal/lifetime", "internal/limits", "internal/listen", "internal/logging",
			"internal/plaintext", "internal/secret", "internal/setting", "internal/terminal", "internal/tokens", "server",
		},
		Others: []string{
			"github.com/KimMachineGun/automemlimit/memlimit",
			"github.com/coreos/go-systemd/v22/daemon",
			"golang.org/x/sys/unix",
			"golang.org/x/term",
		},
	},

	// The WebAssembly modules and a host.
	{Folder: "wasm/internal/guest", Imports: []string{"core", "internal/hearsay", "internal/httptext", "internal/identity", "internal/secret"}},
	{Folder: "wasm/reactor", Imports: []string{"wasm/internal/guest"}},
	{Folder: "wasm/proxywasm", Imports: []string{"wasm/internal/guest"}},
	{Folder: "wasm/httpwasm", Imports: []string{"wasm/internal/guest"}},
	{
		Folder:  "wasm/host",
		Imports: []string{"core", "internal/httptext", "internal/middleware", "wasm/internal/guest"},
		Others: []string{
			"github.com/tetratelabs/wazero",
			"github.com/tetratelabs/wazero/api",
			"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1",
		},
	},

	// What builds, tests and measures all that. Nothing else imports it.
	{Folder: "internal/needtest"},
	{Folder: "internal/doctest", Imports: []string{"internal/needtest"}},
	{Folder: "internal/browsertest", Imports: []string{"internal/needtest"}},
	{Folder: "server/internal/enginetest"},
	{Folder: "internal/tokentest", Imports: []string{"core"}},
	{Folder: "wasm/internal/modules"},
	{Folder: "wasm/build", Imports: []string{"wasm/internal/modules"}},
	{Folder: "wasm/internal/hosttest", Imports: []string{"core", "core/vectors", "internal/tokentest"}},
	{Folder: "wasm/internal/parity"},
	{Folder: "deploy/internal/proxytest", Imports: []string{"internal/tokentest"}},
	{Folder: "packaging/generate", Imports: []string{"core", "internal/cli", "internal/tokens"}, Others: []string{"github.com/alecthomas/kong"}},
	{Folder: "packaging/release"},
	{Folder: "measure/internal/chart"},
	{Folder: "measure/conformance", Imports: []string{"server"}},
	{Folder: "measure/mutants"},
	{Folder: "measure/soak", Imports: []string{"core"}},
	{Folder: "measure/timing", Imports: []string{"core", "measure/internal/chart", "server", "wasm/host"}},
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	deptest.Order(t, packages)
}

// Other people's programs import some of these packages, and need no other module for
// them. The WebAssembly modules contain no code but this module's and Go's.
func TestNoOtherModules(t *testing.T) {
	t.Parallel()
	deptest.Standalone(t, "core", "core/vectors", "guard", "server/internal/http1", "wasm/reactor", "wasm/proxywasm", "wasm/httpwasm")
}
