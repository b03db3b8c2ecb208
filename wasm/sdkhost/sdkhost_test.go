package sdkhost

import (
	"net/http"
	"strings"
	"testing"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/proxytest"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// The host passes on the right token's request with its principal, and answers one
// with two tokens itself.
func TestRequests(t *testing.T) {
	vm, err := proxytest.NewWasmVMContext(modules.ProxyWasm(t))
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	stripping := strings.TrimSuffix(string(hosttest.Ordinary()), "}") + `, "strip_authorization": true}`
	p, reset := proxytest.NewHostEmulator(proxytest.NewEmulatorOption().WithVMContext(vm).WithPluginConfiguration([]byte(stripping)))
	defer reset()
	if p.StartVM() != types.OnVMStartStatusOK || p.StartPlugin() != types.OnPluginStartStatusOK {
		t.Fatal(p.GetErrorLogs())
	}
	for range 3 {
		id := p.InitializeHttpContext()
		action := p.CallOnRequestHeaders(id, [][2]string{
			{"x_auth-request-user", "root"}, {"authorization", "Bearer " + hosttest.RightToken}, {"x-auth-request-user", "root"},
		}, true)
		fields := p.GetCurrentRequestHeaders(id)
		if who := hosttest.Identities(fields); action != types.ActionContinue || len(who) != 1 || who[0] != "ann" || len(hosttest.Values(fields, "authorization")) > 0 {
			t.Errorf("the right token: %v, %v, %v", action, fields, p.GetSentLocalResponse(id))
		}
		id = p.InitializeHttpContext()
		action = p.CallOnRequestHeaders(id, [][2]string{{"authorization", "Bearer " + hosttest.RightToken}, {"authorization", "Bearer " + hosttest.RightToken}}, true)
		response := p.GetSentLocalResponse(id)
		if action != types.ActionPause || response == nil || response.StatusCode != http.StatusUnauthorized || len(response.Data) > 0 {
			t.Fatalf("two fields: %v, %+v", action, response)
		}
	}
	const requests = "auth_service_requests_total_result="
	for name, want := range map[string]uint64{requests + "granted": 3, requests + "denied_reason=malformed": 3, requests + "denied_reason=unknown": 0} {
		if got, err := p.GetCounterMetric(name); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", name, got, err, want)
		}
	}
	if lines := p.GetWarnLogs(); len(lines) != 3 || lines[0] != "authentication failed reason=malformed" {
		t.Errorf("logged %q", lines)
	}
}
