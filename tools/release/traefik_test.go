package release

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/wasm/guest"
)

// TestTraefikManifest: the configuration that the manifest shows is one that
// the plugin takes, and it lets its token through.
func TestTraefikManifest(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join(root(t), "deploy", "traefik-plugin", ".traefik.yml"))
	if err != nil {
		t.Fatal(err)
	}
	_, data, found := strings.Cut(string(manifest), "\ntestData: ")
	if !found {
		t.Fatal("the manifest shows no configuration")
	}
	var plugin guest.Plugin
	if err := plugin.Configure(rand.Reader, []byte(strings.TrimSpace(data))); err != nil {
		t.Fatal(err)
	}
	for authorization, want := range map[string]int{
		"Bearer made-up-token-of-more-than-32-characters": 200,
		"Bearer made-up-token-of-more-than-32-character":  401,
	} {
		if got := plugin.Authorize([]byte(authorization), 1, time.Now().Unix()).Status(); got != want {
			t.Errorf("status %d, want %d", got, want)
		}
	}
}
