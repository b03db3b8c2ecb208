package guard_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/doctest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

// TestREADMECommands runs what the README says to try with its program.
func TestREADMECommands(t *testing.T) {
	t.Parallel()
	needtest.Program(t, "curl")
	commands := doctest.Commands(t, "../README.md", "In a Go program")
	program := readmeProgram(t)
	cache, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	gocache, gomodcache, _ := strings.Cut(strings.TrimSpace(string(cache)), "\n")
	doctest.Both(t, func(t *testing.T, s *doctest.Shell) {
		here := strings.NewReplacer("localhost:8000", freeAddress(t))
		dir := buildElsewhere(t, here.Replace(program))
		for _, name := range []string{"main.go", "go.mod"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(s.Dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s.Environment = []string{"GOCACHE=" + gocache, "GOMODCACHE=" + gomodcache, "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off"}
		output := s.Run(t, here.Replace(strings.Join(commands, "")))
		if !strings.Contains(output, "HTTP/1.1 200 OK\n") || !strings.Contains(output, "\nHello grafana\n") {
			t.Errorf("the commands print\n%s", output)
		}
		if token := doctest.Token.FindString(output); token != "" {
			t.Errorf("a token is shown: %s", token)
		}
	})
}
