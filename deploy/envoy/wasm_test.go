package envoy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// The example of ../envoy-wasm, with the module inside the real Envoy. The test is
// here because that folder is a separate Go module, which cannot import proxytest.
func TestModuleInEnvoy(t *testing.T) {
	t.Parallel()
	site := startModule(t, proxytest.Keyring())
	site.CheckIdentity(t)
	site.CheckUpgrade(t, "/")
}

func TestWholeIdentityByModule(t *testing.T) {
	t.Parallel()
	const scope, identity = `"scope": ["metrics"],`, `"identity": ["user", "scopes", "key"],`
	proxytest.Comments(t, "../envoy-wasm/envoy.yaml", "# ", identity)
	site := startModule(t, proxytest.WholeKeyring(), scope, identity)
	site.CheckWhole(t, "/")
	site.CheckUpgrade(t, "/")
}

// startModule runs the example with a keyring. There may be further replacements in it.
func startModule(t *testing.T, keyring string, more ...string) *proxytest.Site {
	t.Helper()
	site, _, _ := watchModule(t, keyring, more...)
	return site
}

// watchModule does the same, and returns the process and the address of Envoy's admin
// listener too.
func watchModule(t *testing.T, keyring string, more ...string) (site *proxytest.Site, process *proxytest.Process, admin string) {
	t.Helper()
	program := proxytest.Optional(t, "envoy")
	dir := t.TempDir()
	backend := proxytest.StartBackend(t)
	port, adminPort := proxytest.Port(t), proxytest.Port(t)
	module := proxytest.WriteFile(t, filepath.Join(dir, "module.wasm"), string(proxytest.Module(t, "proxywasm")))
	lines := strings.Split(strings.TrimSpace(keyring), "\n")
	main := proxytest.Config(t, dir, "../envoy-wasm/envoy.yaml", append(more,
		"address: 0.0.0.0, port_value: 8080", "address: 127.0.0.1, port_value: "+port,
		"port_value: 9901", "port_value: "+adminPort,
		"/etc/envoy/auth-service-proxywasm.wasm", module,
		"address: 127.0.0.1, port_value: 8000", socket(t, backend.Address),
		"ci sha256:452dcec5b0c843e39400efb152683b75968eac236432a7773415c13585233736 scope=metrics", strings.Join(lines, `", "`))...)
	address := "127.0.0.1:" + port
	process = proxytest.Start(t, address, nil, program, "-c", main, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning")
	return &proxytest.Site{Address: address, Backend: backend, PassesScope: true}, process, "127.0.0.1:" + adminPort
}

// The module's counters are among Envoy's statistics, with labels for Prometheus, and its
// log says what was denied.
func TestModuleIsSeen(t *testing.T) {
	t.Parallel()
	const page = "../envoy-wasm/README.md"
	// Names of fields that are in Envoy's own log of requests.
	const route, accessLog = "                route_config:\n", "%REQ(X-AUTH-REQUEST-USER)% %RESPONSE_CODE_DETAILS%"
	proxytest.Says(t, page, "%REQ(X-AUTH-REQUEST-USER)%")
	proxytest.Says(t, page, "%RESPONSE_CODE_DETAILS%")
	site, envoy, admin := watchModule(t, proxytest.Keyring(), route, `                access_log:
                  - name: stdout
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
                      log_format: { text_format_source: { inline_string: "access `+accessLog+`\n" } }
`+route)

	const name = "wasmcustom.auth_service_requests_total_result="
	for _, counter := range []string{"granted", "denied_reason=missing", "forbidden_reason=insufficient_scope", "unconfigured_reason=unconfigured"} {
		if stats := string(proxytest.Get(t, admin, "/stats").Body); !strings.Contains(stats, "\n"+name+counter+": 0\n") {
			t.Errorf("before the first request, /stats has no %s: %s", counter, stats)
		}
	}
	ask := func(want int, path string, fields ...string) {
		t.Helper()
		if got := proxytest.Get(t, site.Address, path, fields...).Status; got != want {
			t.Errorf("%s: status %d, want %d", path, got, want)
		}
	}
	ask(200, "/in", proxytest.Bearer(proxytest.Metrics))
	ask(401, "/metrics?token="+proxytest.Stranger, proxytest.Bearer(proxytest.Stranger), "X-Forwarded-For: 192.0.2.1")
	ask(401, "/none")
	ask(401, "/none")

	const family = "auth_service_requests_total"
	prometheus := string(proxytest.Get(t, admin, "/stats/prometheus").Body)
	for _, line := range []string{
		"# TYPE " + family + " counter", family + `{result="granted"} 1`, family + `{result="denied",reason="unknown"} 1`, family + `{result="denied",reason="missing"} 2`, family + `{result="denied",reason="expired"} 0`,
	} {
		if !strings.Contains(prometheus, "\n"+line+"\n") {
			t.Errorf("/stats/prometheus lacks %s: %s", line, prometheus)
		}
	}
	if stats := string(proxytest.Get(t, admin, "/stats").Body); !strings.Contains(stats, "\n"+name+"denied_reason=missing: 2\n") {
		t.Errorf("/stats has no such line: %s", stats)
	}
	shows(t, page, family+`{result="denied",reason="unknown"} 1`+"\n")
	shows(t, page, name+"denied_reason=unknown: 1\n")

	// Envoy makes a request id of its own.
	const line = "wasm log auth-service: authentication failed reason=unknown client="
	envoy.AwaitLog(t, "[warning][wasm] ")
	envoy.AwaitLog(t, line+"127.0.0.1 method=GET host=example.test uri=/metrics request_id=")
	shows(t, page, "\n"+line)
	envoy.AwaitLog(t, "access grafana via_upstream\n")
	envoy.AwaitLog(t, "access - auth_service_unknown\n")

	// A flood, and what is left of it with the first request a second later.
	const summary = "more decisions than are logged one by one missing="
	proxytest.Await(t, "the summary", func() bool {
		for range 60 {
			ask(401, "/none")
		}
		ask(200, "/in", proxytest.Bearer(proxytest.Metrics))
		return strings.Contains(envoy.Log.String(), summary)
	})
	proxytest.Says(t, page, strings.TrimSuffix(summary, " missing="))
	log := envoy.Log.String()
	for _, secret := range []string{proxytest.Stranger, proxytest.Metrics, "token="} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// shows checks that a page has a text.
func shows(t *testing.T, page, text string) {
	t.Helper()
	if data, err := os.ReadFile(filepath.Clean(page)); err != nil || !strings.Contains(string(data), text) {
		t.Errorf("%s does not show %q: %v", page, text, err)
	}
}

func TestModuleAccepts(t *testing.T) {
	t.Parallel()
	const accept, after = `"accept": ["bearer", "basic", "header:X-API-Key"]`, `"scope": ["metrics"],`
	proxytest.Says(t, "../envoy-wasm/README.md", accept)
	site := startModule(t, tokentest.KeyringLine("default", proxytest.Token, "scope=metrics"), after, after+" "+accept+",")
	site.Challenges = []string{proxytest.BasicChallenge, "Bearer"}
	site.CheckAccepts(t)
}
