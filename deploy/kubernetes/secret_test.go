// Package kubernetes_test changes a keyring as the kubelet changes a Secret that
// is mounted. The manifests are held to their types in schema/.
package kubernetes_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

// mount puts a Secret's contents into dir the way the kubelet does: in a folder
// of their own, to which the symbolic link ..data is swapped in one step. It
// then removes what was there before.
func mount(t *testing.T, dir, revision, text string) {
	t.Helper()
	before, _ := os.Readlink(filepath.Join(dir, "..data"))
	if err := os.Mkdir(filepath.Join(dir, revision), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, revision, "keyring"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(revision, filepath.Join(dir, "..data_tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if before == "" {
		if err := os.Symlink(filepath.Join("..data", "keyring"), filepath.Join(dir, "keyring")); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := os.RemoveAll(filepath.Join(dir, before)); err != nil {
		t.Fatal(err)
	}
}

func TestSecretIsRenewed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mount(t, dir, "..2026_01", tokentest.KeyringLine("ci", proxytest.Metrics))
	service := proxytest.StartService(t, "AUTH_SERVICE_KEYRING="+filepath.Join(dir, "keyring"))
	status := func(token string) int {
		return proxytest.Get(t, service.Address, "/auth", proxytest.Bearer(token)).Status
	}
	if got := status(proxytest.Metrics); got != 200 {
		t.Fatalf("status %d", got)
	}
	tokens := []string{proxytest.Metrics, proxytest.Deploy}
	for i, revision := range []string{"..2026_02", "..2026_03", "..2026_04"} {
		old, renewed := tokens[i%2], tokens[(i+1)%2]
		mount(t, dir, revision, tokentest.KeyringLine("ci", renewed))
		for begun := time.Now(); status(renewed) != 200; time.Sleep(5 * time.Millisecond) {
			if time.Since(begun) > 20*time.Second {
				t.Fatalf("%s is not in force: %s", revision, service.Log)
			}
		}
		if got := status(old); got != 401 {
			t.Errorf("%s: the token that went got %d", revision, got)
		}
	}
}
