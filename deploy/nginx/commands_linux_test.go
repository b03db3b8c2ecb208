package nginx_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/doctest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

// TestTroubleshootingCommands: the page's commands ask a service without a proxy.
func TestTroubleshootingCommands(t *testing.T) {
	t.Parallel()
	needtest.Program(t, "curl")
	commands := doctest.Commands(t, "../../docs/troubleshooting.md", "Troubleshooting")
	if len(commands) != 1 {
		t.Fatalf("the page begins with %d blocks of commands", len(commands))
	}
	doctest.Both(t, func(t *testing.T, s *doctest.Shell) {
		address, socket := "127.0.0.1:"+proxytest.Port(t), filepath.Join(s.Dir, "auth.sock")
		output := s.Run(t,
			"TOKEN=$(auth-service token new -k keyring --principal alice)",
			"AUTH_SERVICE_KEYRING=keyring auth-service --listen tcp://"+address+",unix://"+socket+" &",
			"for i in $(seq 100); do [ -e "+socket+" ] && break; sleep 0.1; done",
			strings.NewReplacer("127.0.0.1:8081", address, "/run/auth-service/auth.sock", socket).Replace(commands[0]))
		if got := regexp.MustCompile(`(?m)^HTTP/1\.1 200|granted: alice`).FindAllString(output, -1); !slices.Equal(got, []string{"HTTP/1.1 200", "HTTP/1.1 200", "granted: alice"}) {
			t.Errorf("the commands print\n%s", output)
		}
	})
}
