package traefik_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestTroubles: each mistake leads to what docs/troubleshooting.md says.
func TestTroubles(t *testing.T) {
	t.Parallel()
	instead := func(right string, fields ...string) proxytest.Trouble {
		return proxytest.Trouble{Right: right, Fields: append(fields, proxytest.Bearer(proxytest.Token)), Start: func(t *testing.T, wrong string) *proxytest.Site {
			t.Helper()
			service := proxytest.StartService(t, proxytest.TokenVariable)
			wrong = strings.NewReplacer("127.0.0.1:8081", service.Address, "127.0.0.1:8082", "127.0.0.1:"+proxytest.Port(t)).Replace(wrong)
			site := startUnasked(t, "traefik.yml", "dynamic.yml", service, right, wrong)
			proxytest.Await(t, "the routers", func() bool {
				status := proxytest.Get(t, site.Address, "/", proxytest.Bearer(proxytest.Token)).Status
				return status != http.StatusNotFound || strings.Contains(service.Log.String(), "level=WARNING")
			})
			return site
		}}
	}
	const ask, pass = "address: http://127.0.0.1:8081/auth", "authRequestHeaders: [Authorization]"
	proxytest.CheckTroubles(t, "Traefik", map[string]proxytest.Trouble{
		"address: http://127.0.0.1:8081":                     instead(ask),
		"address: http://127.0.0.1:8081/auth?scopes=metrics": instead(ask),
		"address: https://127.0.0.1:8081/auth":               instead(ask),
		"address: http://127.0.0.1:8082/auth":                instead(ask),
		pass:                                                 instead(pass, "Cookie: a="+strings.Repeat("x", 8200)),
		"authRequestHeaders: [X-API-Key]":                    instead(pass),
		"middlewares: [drop-token, clean, auth]":             instead("middlewares: [clean, auth, drop-token]"),
	})
}
