package traefik_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestTroubles: each mistake leads to what docs/troubleshooting.md says.
func TestTroubles(t *testing.T) {
	t.Parallel()
	valid := proxytest.Bearer(proxytest.Token)
	// question is what ForwardAuth sends to a path of the service.
	question := func(path string, fields ...string) string {
		return forwardAuth(&url.URL{Scheme: "http", Host: "127.0.0.1:8081", Opaque: path}, "GET", "/some/where", fields...)
	}
	cookies := "Cookie: a=" + strings.Repeat("x", 8200)
	instead := func(right, question string, fields ...string) proxytest.Trouble {
		return proxytest.Trouble{Right: right, Question: question, Fields: append(fields, valid), Start: func(t *testing.T, wrong string) *proxytest.Site {
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
		"address: http://127.0.0.1:8081":                     instead(ask, question("/", valid)),
		"address: http://127.0.0.1:8081/auth?scopes=metrics": instead(ask, question("/auth?scopes=metrics", valid)),
		"address: https://127.0.0.1:8081/auth":               instead(ask, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
		"address: http://127.0.0.1:8082/auth":                instead(ask, ""),
		pass:                                                 instead(pass, question("/auth", valid, cookies), cookies),
		"authRequestHeaders: [X-API-Key]":                    instead(pass, question("/auth")),
		"middlewares: [drop-token, clean, auth]":             instead("middlewares: [clean, auth, drop-token]", question("/auth")),
	})
}
