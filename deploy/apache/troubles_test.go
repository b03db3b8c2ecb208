package apache_test

import (
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestTroubles: each mistake leads to what docs/troubleshooting.md says.
func TestTroubles(t *testing.T) {
	t.Parallel()
	instead := func(right string) proxytest.Trouble {
		return proxytest.Trouble{Right: right, Start: func(t *testing.T, wrong string) *proxytest.Site {
			t.Helper()
			wrong = strings.Replace(wrong, "127.0.0.1:8082", "127.0.0.1:"+proxytest.Port(t), 1)
			return start(t, "auth-service.conf", proxytest.StartService(t, proxytest.TokenVariable), right, wrong)
		}}
	}
	const ask = "E=AUTH_PATH:/auth"
	proxytest.CheckTroubles(t, "Apache httpd", map[string]proxytest.Trouble{
		"E=AUTH_PATH:/auth/":                      instead(ask),
		"E=AUTH_PATH:/auth?scopes=metrics":        instead(ask),
		"RequestHeader unset Authorization early": instead("RequestHeader unset Authorization"),
		"ask.pl 127.0.0.1:8082": {Right: "ask.pl 127.0.0.1:8081", Start: func(t *testing.T, wrong string) *proxytest.Site {
			t.Helper()
			return start(t, "auth-service.conf", proxytest.StartService(t, proxytest.TokenVariable), " 127.0.0.1:8081", " 127.0.0.1:"+proxytest.Port(t))
		}},
		// The line that httpd wrote until it told the method, the host and the request id.
		"ask.pl": {Start: func(t *testing.T, _ string) *proxytest.Site {
			t.Helper()
			return start(t, "auth-service.conf", proxytest.StartService(t, proxytest.TokenVariable), "%{REQUEST_METHOD} ${escape:%{HTTP_HOST}} %{ENV:UNIQUE_ID} ", "")
		}},
	})
}
