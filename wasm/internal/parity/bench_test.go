package parity

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/server"
	"github.com/concrete-security/auth-service/wasm/host"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// BenchmarkReactor is one verdict on a right token, in each host. What the
// hosts of the plugins do about a request is part of it.
func BenchmarkReactor(b *testing.B) {
	keyring := []byte(tokentest.KeyringLine("ann", hosttest.RightToken, "scope=read"))
	field := []byte("Bearer " + hosttest.RightToken)

	for _, e := range []*engine{compiler, interpreter} {
		b.Run(e.name, func(b *testing.B) { benchmarkReactor(b, e, keyring, field) })
	}
	b.Run("host", func(b *testing.B) {
		v, err := host.Compile(b.Context(), modules.Reactor(b), host.Options{Cache: compiler.cache()})
		if err != nil {
			b.Fatal(err)
		}
		defer v.Close(b.Context())
		if err := v.Configure(b.Context(), keyring); err != nil {
			b.Fatal(err)
		}
		authorization := []string{string(field)}
		for b.Loop() {
			if d, err := v.Authorize(b.Context(), authorization, "read"); err != nil || !d.Granted() {
				b.Fatal(d, err)
			}
		}
	})
	b.Run("proxywasm", func(b *testing.B) {
		p := newProxy(b, compiler)
		root, err := p.configure(b.Context(), hosttest.Ordinary())
		if err != nil {
			b.Fatal(err)
		}
		fields := [][2]string{{":path", "/"}, {"authorization", string(field)}}
		for b.Loop() {
			p.fields = fields
			if status, err := p.ask(b.Context(), root); err != nil || status != 200 {
				b.Fatal(status, err)
			}
		}
	})
	b.Run("httpwasm", func(b *testing.B) {
		g := newGateway(b, compiler, nil, traefik(), hosttest.Ordinary())
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", string(field))
		w := httptest.NewRecorder()
		for b.Loop() {
			if g.handler.ServeHTTP(w, r); w.Code != http.StatusOK {
				b.Fatal(w.Code)
			}
		}
	})
}

// BenchmarkHop is what a proxy pays instead, and more: a request to the service on
// a connection that is kept, over the loopback interface and a unix socket, by a
// client that does nothing else.
func BenchmarkHop(b *testing.B) {
	for _, network := range []string{"tcp", "unix"} {
		b.Run(network, func(b *testing.B) {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(b.TempDir(), "s")
			}
			l, err := net.Listen(network, address)
			if err != nil {
				b.Fatal(err)
			}
			address = l.Addr().String()
			var n native
			n.configure([]byte(tokentest.KeyringLine("ann", hosttest.RightToken, "scope=read")))
			ctx, stop := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			go func() {
				ended <- server.New(n.keyring, server.Options{Logger: slog.New(slog.DiscardHandler)}).Serve(ctx, l)
			}()
			defer func() { stop(); <-ended }()
			c, err := net.Dial(network, address)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			request := []byte("GET /auth?scope=read HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + hosttest.RightToken + "\r\n\r\n")
			answer := make([]byte, 4<<10)
			for b.Loop() {
				if _, err := c.Write(request); err != nil {
					b.Fatal(err)
				}
				if n, err := c.Read(answer); err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 ")) {
					b.Fatalf("%q, %v", answer[:n], err)
				}
			}
		})
	}
}

// BenchmarkNode is a verdict by the example for Node.
func BenchmarkNode(b *testing.B) {
	node, verifier := nodeExample(b, "verifier.mjs")
	wasi := filepath.Join(filepath.Dir(verifier), "wasi.mjs")
	script := fmt.Sprintf(`
import { readFileSync } from "node:fs";
import { Verifier } from %q;
import { minimalWASI } from %q;
const [module, keyring, field, rounds] = process.argv.slice(2);
const verifier = await Verifier.load(readFileSync(module), minimalWASI());
verifier.configure(keyring);
const ask = (times) => {
  for (let i = 0; i < times; i++) if (verifier.authorize([field], ["read"]).status !== 200) throw new Error("denied");
};
ask(20000);
const begun = process.hrtime.bigint();
ask(Number(rounds));
console.log(Number(process.hrtime.bigint() - begun) / Number(rounds));
`, "file://"+verifier, "file://"+wasi)
	path := filepath.Join(b.TempDir(), "bench.mjs")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		b.Fatal(err)
	}
	module := moduleFile(b)
	const rounds = 50_000
	for b.Loop() {
		out, err := exec.CommandContext(b.Context(), node, "--no-warnings", path, module,
			tokentest.KeyringLine("ann", hosttest.RightToken, "scope=read"), "Bearer "+hosttest.RightToken, strconv.Itoa(rounds)).CombinedOutput()
		if err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		nanoseconds, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		if err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		b.ReportMetric(nanoseconds, "ns/verdict")
	}
	b.ReportMetric(0, "ns/op") // that of a whole process says nothing
}

// benchmarkReactor asks by the exports, with a buffer that serves all
// verdicts.
func benchmarkReactor(b *testing.B, e *engine, keyring, field []byte) {
	b.Helper()
	module := instantiate(b.Context(), b, e.open(b, nil), modules.Reactor(b), wazero.NewModuleConfig().WithName("").WithRandSource(patterned{}))
	r := &reactor{module: module}
	if code, err := r.configure(b.Context(), keyring); err != nil || code != 0 {
		b.Fatal(code, err)
	}
	at, err := r.hand(b.Context(), append(bytes.Clone(field), "read"...))
	if err != nil {
		b.Fatal(err)
	}
	n := uint64(len(field))
	authorize := module.ExportedFunction("authorize")
	var stack [5]uint64
	for b.Loop() {
		module.Memory().Write(uint32(at), field)
		stack = [5]uint64{at, n, at + n, 4, 0}
		if err := authorize.CallWithStack(b.Context(), stack[:]); err != nil || stack[0] != 200 {
			b.Fatal(stack[0], err)
		}
	}
}

// patterned is a random source for which nothing depends on the salt.
type patterned struct{}

func (patterned) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(i) | 1
	}
	return len(p), nil
}

// BenchmarkCompile and BenchmarkInstantiate are what a host does at its start,
// and for each further instance.
func BenchmarkCompile(b *testing.B) {
	for _, e := range []*engine{compiler, interpreter} {
		b.Run(e.name, func(b *testing.B) {
			for b.Loop() {
				fresh := &engine{name: e.name, interpreter: e.interpreter, cache: wazero.NewCompilationCache}
				r, err := fresh.runtime(b.Context(), nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.CompileModule(b.Context(), modules.Reactor(b)); err != nil {
					b.Fatal(err)
				}
				_ = r.Close(b.Context())
			}
		})
	}
}

func BenchmarkInstantiate(b *testing.B) {
	for _, e := range []*engine{compiler, interpreter} {
		b.Run(e.name, func(b *testing.B) {
			r := e.open(b, nil)
			compiled, err := r.CompileModule(b.Context(), modules.Reactor(b))
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				m, err := r.InstantiateModule(b.Context(), compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
				if err != nil {
					b.Fatal(err)
				}
				_ = m.Close(b.Context())
			}
		})
	}
}

// The modules are no larger than promised; `go test -v -run Size
// ./wasm/internal/parity` prints how large they are.
func TestSize(t *testing.T) {
	for name, module := range map[string][]byte{
		"reactor": modules.Reactor(t), "proxywasm": modules.ProxyWasm(t), "httpwasm": modules.HTTPWasm(t),
	} {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(module); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, %d in gzip", name, len(module), packed.Len())
		if limit := 2778726; len(module) > limit { // 2.65 MiB; the lines about denials take 45 KiB of it
			t.Errorf("%s has %d bytes, more than %d", name, len(module), limit)
		}
	}
}
