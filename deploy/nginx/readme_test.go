package nginx_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// readmeConfigurations are those of the README, with the port that the examples
// of this folder have.
func readmeConfigurations(t *testing.T) (files []string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var block *strings.Builder
	for line := range strings.Lines(string(text)) {
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "```nginx":
			block = new(strings.Builder)
		case trimmed == "```" && block != nil:
			configuration := strings.ReplaceAll(block.String(), "listen 8080;", "listen 80;")
			files = append(files, proxytest.WriteFile(t, filepath.Join(t.TempDir(), "readme.conf"), configuration))
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
		site.CheckVerdicts(t)
		site.CheckIdentity(t)
	})
	t.Run("two locations", func(t *testing.T) {
		t.Parallel()
		keyring := filepath.Join(t.TempDir(), "keyring")
		metrics := proxytest.KeyringLine("grafana", proxytest.Metrics, "scope=metrics")
		deploy := proxytest.KeyringLine("ci", proxytest.Deploy, "scope=deploy")
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
		proxytest.Get(t, site.Address, "/metrics", proxytest.Bearer(proxytest.Metrics), "X-Auth-Request-User: root").CheckIdentity(t, "grafana")

		// The one token is rotated, the other is revoked.
		proxytest.WriteFile(t, keyring, metrics+proxytest.KeyringLine("grafana", proxytest.Stranger, "scope=metrics"))
		await(t, "the new token is in force", func() bool { return status("/metrics", proxytest.Stranger) == 200 })
		if old, revoked := status("/metrics", proxytest.Metrics), status("/deploy/x", proxytest.Deploy); old != 200 || revoked != 401 {
			t.Errorf("the old token gets %d, the revoked one %d", old, revoked)
		}
	})
}
