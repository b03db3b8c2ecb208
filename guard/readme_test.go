package guard_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/tokentest"
)

const module = "github.com/concrete-security/auth-service"

// readmeProgram returns the Go program of the README.
func readmeProgram(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(readme), "```go\n")
	program, _, found := strings.Cut(after, "```\n")
	if !found {
		t.Fatal("the README has no program in Go")
	}
	return program
}

// buildElsewhere builds a program in a module of its own, outside of the repository.
// The build may download nothing, and must not need to: go.sum stays as it is.
func buildElsewhere(t *testing.T, program string) (dir string) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for name, text := range map[string]string{
		"main.go": program,
		"go.mod":  "module example.org/protected\n\ngo 1.26\n\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + root + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, "go", "build", "-o", "protected.exe", ".")
	if sums, err := os.ReadFile(filepath.Join(dir, "go.sum")); err == nil {
		t.Errorf("go.sum has become\n%s", sums)
	}
	return dir
}

// run returns the output of a command.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	output, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
	}
	return string(output)
}

// freeAddress returns an address that nobody listens on. Its port lies below those that
// systems give to connections and to listeners on port 0, so that none of these takes it
// before the program does, which has to be built first.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := net.JoinHostPort("localhost", strconv.Itoa(20000+rand.IntN(8000)))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

// The README's program builds outside of the repository, needs nothing but the
// standard library, and follows its keyring.
func TestREADME(t *testing.T) {
	t.Parallel()
	program, address := readmeProgram(t), freeAddress(t)
	const listens = `"localhost:8000"`
	if !strings.Contains(program, listens) {
		t.Fatalf("the program does not listen on %s", listens)
	}
	dir := buildElsewhere(t, strings.Replace(program, listens, `"`+address+`"`, 1))
	for dependency := range strings.Lines(run(t, dir, "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")) {
		if d := strings.TrimSpace(dependency); d != "" && d != "example.org/protected" && !strings.HasPrefix(d, module+"/") {
			t.Errorf("the program depends on %s", d)
		}
	}

	keyring := filepath.Join(dir, "keyring")
	replace(t, keyring, tokentest.KeyringLine("ann", aToken, "scope=metrics"))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	c := exec.CommandContext(ctx, filepath.Join(dir, "protected.exe"))
	c.Dir = dir
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stop(); _ = c.Wait() }()

	get := func(token string) (status int, body string) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, ""
		}
		defer response.Body.Close()
		contents, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(contents)
	}
	eventually(t, "the program answers", func() bool { status, _ := get(bToken); return status == http.StatusUnauthorized })
	if status, body := get(aToken); status != http.StatusOK || body != "Hello ann\n" {
		t.Errorf("the right token: %d %q", status, body)
	}
	replace(t, keyring, tokentest.KeyringLine("bob", bToken))
	eventually(t, "the new token is known, and lacks the scope", func() bool { status, _ := get(bToken); return status == http.StatusForbidden })
	if status, _ := get(aToken); status != http.StatusUnauthorized {
		t.Errorf("the removed token: %d", status)
	}
}
