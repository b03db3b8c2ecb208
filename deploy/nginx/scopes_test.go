package nginx_test

import (
	"slices"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

func TestScopes(t *testing.T) {
	t.Parallel()
	checkScopes(t, start(t, "scopes.conf", proxytest.StartService(t, proxytest.KeyringVariable(t))))
}

// checkScopes checks a site with scopes.conf, whose service has Keyring.
func checkScopes(t *testing.T, site *proxytest.Site) {
	t.Helper()
	site.AddsChallenge403 = true
	site.CheckScopes(t, 404)
	checkPaths(t, site)
}

// checkPaths checks which location each spelling of a path belongs to. The backend
// must get the path of that location: it might read another spelling as the path of
// another location.
func checkPaths(t *testing.T, site *proxytest.Site) {
	t.Helper()
	for _, c := range []struct {
		metrics, deploy []int  // the statuses for these tokens
		passed          string // what the backend is asked for
		targets         []string
	}{
		{
			metrics: []int{200}, deploy: []int{200}, passed: "/metrics",
			targets: []string{
				"/metrics", "//metrics", "/%6detrics", "/./metrics", "/deploy/../metrics", "/deploy/..%2fmetrics",
				"/deploy/%2e%2e/metrics", "/deploy/x/../../metrics", "/deploy//../metrics", "http://localhost/metrics",
			},
		},
		{
			metrics: []int{403}, deploy: []int{200}, passed: "/deploy/x",
			targets: []string{
				"/deploy/x", "//deploy/x", "/deploy//x", "/%64eploy/x", "/deploy%2Fx", "/deploy%2fx", "/./deploy/x", "/deploy/./x",
				"/metrics/../deploy/x", "/x/%2e%2e/deploy/x", "/x/..%2fdeploy/x", "http://localhost//deploy/x",
			},
		},
		{
			metrics: []int{400, 404}, deploy: []int{400, 404},
			targets: []string{
				"/", "/x", "//x", "/metrics/", "/metrics/x", "/metricsx", "/METRICS", "/metrics;a", "/metrics%20", "/metrics%00",
				"/deploy", "/deploy?x=/deploy/", "/deploy;a/x", "/deploy;/x", "/DEPLOY/x", "/Deploy/", "/deployx", "/deploy/../x",
				"/deploy/..", "/deploy%2f..%2fx", "/deploy\\x", "/deploy%5cx", "/deploy%3b/x", "/%2564eploy/x", "/../deploy/x",
				"/_auth", "/_auth/", "/_auth/metrics", "/_auth/deploy", "/auth?scope=metrics", "/health", "/@insufficient_scope",
			},
		},
	} {
		for _, target := range c.targets {
			for token, want := range map[string][]int{proxytest.Metrics: c.metrics, proxytest.Deploy: c.deploy} {
				fields := []string{proxytest.Bearer(token)}
				answer := site.Check(t, proxytest.Request{Name: target, Path: target, Fields: fields, Want: want})
				if answer.Status != 200 {
					continue
				}
				if got := answer.Echo(t).URI; got != c.passed {
					t.Errorf("%s reached the backend as %s, want %s", target, got, c.passed)
				}
			}
			denied := append(slices.Clone(c.metrics), 400, 401, 404)
			denied = slices.DeleteFunc(denied, func(status int) bool { return status == 200 || status == 403 })
			site.Check(t, proxytest.Request{Name: target + ", no token", Path: target, Want: denied})
		}
	}
}
