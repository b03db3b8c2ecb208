package haproxy_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

// unchanged are the replacements of start in the script: none.
var unchanged = []string{"local timeout", "local timeout"}

// TestTroubles: each mistake leads to what docs/troubleshooting.md says.
func TestTroubles(t *testing.T) {
	t.Parallel()
	const ask, drop, run = "str(http://127.0.0.1:8081/auth)", "http-request del-header Authorization", "http-request lua.auth-request"
	instead := func(right string) proxytest.Trouble {
		return proxytest.Trouble{Right: right, Start: func(t *testing.T, wrong string) *proxytest.Site {
			t.Helper()
			service := proxytest.StartService(t, proxytest.TokenVariable)
			wrong = strings.NewReplacer("127.0.0.1:8081", service.Address, "127.0.0.1:8082", "127.0.0.1:"+proxytest.Port(t)).Replace(wrong)
			return start(t, "haproxy.cfg", service, append(unchanged, right, wrong)...)
		}}
	}
	example := func(t *testing.T, _ string) *proxytest.Site {
		t.Helper()
		return start(t, "haproxy.cfg", proxytest.StartService(t, proxytest.TokenVariable))
	}
	proxytest.CheckTroubles(t, "HAProxy", map[string]proxytest.Trouble{
		"str(http://127.0.0.1:8081/auth/)":               instead(ask),
		"str(http://127.0.0.1:8081/auth?scopes=metrics)": instead(ask),
		"str(https://127.0.0.1:8081/auth)":               instead(ask),
		"str(http://127.0.0.1:8082/auth)":                instead(ask),
		"send-proxy":                                     {Start: startBehindBalancer},
		drop: {Right: run[len("http-request "):], Start: func(t *testing.T, wrong string) *proxytest.Site {
			t.Helper()
			return start(t, "haproxy.cfg", proxytest.StartService(t, proxytest.TokenVariable), append(unchanged, run, wrong+"\n    "+run)...)
		}},
		"Authorization":      {Start: example, Fields: []string{proxytest.Bearer(proxytest.Token), proxytest.Bearer(proxytest.Token)}},
		"TOKEN=$(cat token)": {Start: example, Fields: []string{proxytest.Bearer(proxytest.Token) + "\r"}, Right: `TOKEN=$(tr -d '\r' <token)`},
	})
}

// startBehindBalancer runs the example, which asks another HAProxy, which passes the
// question on to the service with the mistake.
func startBehindBalancer(t *testing.T, wrong string) *proxytest.Site {
	t.Helper()
	program := needtest.Program(t, "haproxy")
	service := proxytest.StartService(t, proxytest.TokenVariable)
	balancer := "127.0.0.1:" + proxytest.Port(t)
	configuration := proxytest.WriteFile(t, filepath.Join(t.TempDir(), "balancer.cfg"), fmt.Sprintf(`
defaults
    mode tcp
    timeout connect 5s
    timeout client 5s
    timeout server 5s
listen auth
    bind %s
    server auth %s %s
`, balancer, service.Address, wrong))
	proxytest.Start(t, balancer, nil, program, "-db", "-f", configuration)
	address := service.Address
	service.Address = balancer
	site := start(t, "haproxy.cfg", service)
	service.Address = address
	return site
}
