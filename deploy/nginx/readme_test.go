package nginx_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// readmeConfigurations returns the configurations in the README.
func readmeConfigurations(t *testing.T) (files []string) {
	t.Helper()
	text := read(t, "../../README.md")
	var block *strings.Builder
	for line := range strings.Lines(text) {
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "```nginx":
			block = new(strings.Builder)
		case trimmed == "```" && block != nil:
			files = append(files, proxytest.WriteFile(t, filepath.Join(t.TempDir(), "protected.conf"), block.String()))
			block = nil
		case block != nil:
			block.WriteString(line)
		}
	}
	if len(files) != 2 {
		t.Fatalf("the README has %d configurations", len(files))
	}
	return files
}

func TestREADME(t *testing.T) {
	t.Parallel()
	configurations := readmeConfigurations(t)
	t.Run("one location", func(t *testing.T) {
		t.Parallel()
		site := start(t, configurations[0], proxytest.StartService(t, proxytest.TokenVariable, proxytest.KeyringVariable(t)))
		checkREADME(t, site)
	})
	t.Run("two locations", func(t *testing.T) {
		t.Parallel()
		keyring := filepath.Join(t.TempDir(), "keyring")
		metrics := tokentest.KeyringLine("grafana", proxytest.Metrics, "scope=metrics")
		deploy := tokentest.KeyringLine("ci", proxytest.Deploy, "scope=deploy")
		proxytest.WriteFile(t, keyring, metrics+deploy)
		site := start(t, configurations[1], proxytest.StartService(t, "AUTH_SERVICE_KEYRING="+keyring))
		status := func(path, token string) int {
			return proxytest.Get(t, site.Address, path, proxytest.Bearer(token)).Status
		}
		for path, want := range map[string][3]int{
			"/metrics":       {200, 403, 401},
			"/deploy/x":      {403, 200, 401},
			"/_auth/metrics": {404, 404, 404},
		} {
			got := [3]int{status(path, proxytest.Metrics), status(path, proxytest.Deploy), status(path, proxytest.Stranger)}
			if got != want {
				t.Errorf("%s: %v, want %v", path, got, want)
			}
		}

		// The one token is rotated, the other is revoked.
		proxytest.WriteFile(t, keyring, metrics+tokentest.KeyringLine("grafana", proxytest.Stranger, "scope=metrics"))
		await(t, "the new token is in force", func() bool { return status("/metrics", proxytest.Stranger) == 200 })
		if old, revoked := status("/metrics", proxytest.Metrics), status("/deploy/x", proxytest.Deploy); old != 200 || revoked != 401 {
			t.Errorf("the old token gets %d, the revoked one %d", old, revoked)
		}
	})
	t.Run("two locations and nothing else", func(t *testing.T) {
		t.Parallel()
		site := start(t, configurations[1], proxytest.StartService(t, proxytest.KeyringVariable(t)))
		checkREADMEScopes(t, site)
	})
}

// checkREADME checks a site with the first configuration, whose service has
// Token and Keyring.
func checkREADME(t *testing.T, site *proxytest.Site) {
	t.Helper()
	site.CheckVerdicts(t)
	site.CheckIdentity(t)
}

// checkREADMEScopes checks a site with the second configuration, whose service
// has Keyring.
func checkREADMEScopes(t *testing.T, site *proxytest.Site) {
	t.Helper()
	site.CheckScopes(t, 404)
	checkPaths(t, site)
}
