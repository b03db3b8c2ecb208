// Package container_test builds and runs the image, and runs nginx as
// compose.yaml does, but for images that a registry would have to give.
package container_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

const (
	buildStage = "FROM golang:1.26 AS build\n"
	finalStage = "FROM scratch\n"
	repository = "../.."
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// stages returns the instructions of both stages of the Dockerfile, without
// their FROM.
func stages(t *testing.T) (build, final string) {
	t.Helper()
	_, text, found := strings.Cut(read(t, "Dockerfile"), buildStage)
	build, final, both := strings.Cut(text, finalStage)
	if !found || !both {
		t.Fatalf("the stages are not %q and %q", buildStage, finalStage)
	}
	return build, final
}

// compile does what the first stage does, with the Go of this machine: it copies
// what COPY names and runs what builds the program, which it returns the path of.
func compile(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "src"), filepath.Join(dir, "auth-service")
	built := false
	build, _ := stages(t)
	for line := range strings.Lines(build) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case instruction == "COPY" && strings.HasSuffix(rest, " ./"):
			for _, name := range strings.Fields(strings.TrimSuffix(rest, " ./")) {
				if err := os.MkdirAll(source, 0o755); err != nil {
					t.Fatal(err)
				}
				proxytest.WriteFile(t, filepath.Join(source, name), read(t, filepath.Join(repository, name)))
			}
		case instruction == "COPY":
			from, to, _ := strings.Cut(rest, " ")
			if err := os.CopyFS(filepath.Join(source, to), os.DirFS(filepath.Join(repository, from))); err != nil {
				t.Fatal(err)
			}
		case strings.HasPrefix(rest, "CGO_ENABLED=0 go build"):
			command := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(rest, "-o /auth-service", "-o "+binary, 1))
			command.Dir = source
			if out, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", rest, err, out)
			}
			built = true
		}
	}
	if !built {
		t.Fatal("the Dockerfile builds nothing")
	}
	return binary
}

// TestSameAsReleased: what is built from source is configured as releases are.
func TestSameAsReleased(t *testing.T) {
	t.Parallel()
	_, final := stages(t)
	_, ours, _ := strings.Cut(final, " /auth-service\n")
	_, released, _ := strings.Cut(read(t, repository+"/packaging/Dockerfile"), " /auth-service\n")
	if ours == "" || strings.TrimSpace(ours) != strings.TrimSpace(released) {
		t.Errorf("%s\nis not\n%s", ours, released)
	}
}

// folder returns a new folder that the image's user may enter, if need be as
// its owner.
func folder(t *testing.T, owned bool) string {
	t.Helper()
	// Not t.TempDir: others may not enter the folders above that one.
	dir, err := os.MkdirTemp("", "container") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if owned {
		if err := os.Chown(dir, 65532, 65532); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// keyring writes a keyring in the place of the one that is there.
func keyring(t *testing.T, dir, text string) {
	t.Helper()
	path := filepath.Join(dir, "new")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, filepath.Join(dir, "keyring")); err != nil {
		t.Fatal(err)
	}
}

func TestImage(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	image := e.image(t)
	checkConfiguration(t, e, image)
	checkTokenCommand(t, e, image)

	runDir, etc := folder(t, true), folder(t, false)
	keyring(t, etc, tokentest.KeyringLine("grafana", proxytest.Token))
	id := e.start(t, image, runDir, etc)
	socket := filepath.Join(runDir, "auth.sock")
	proxytest.Await(t, "the service to listen", func() bool {
		_, err := os.Stat(socket)
		return err == nil
	})
	status := func(token string) int {
		return proxytest.Get(t, socket, "/auth", proxytest.Bearer(token)).Status
	}
	if got := status(proxytest.Token); got != http.StatusOK {
		t.Errorf("the token: status %d", got)
	}
	if got := status(proxytest.Stranger); got != http.StatusUnauthorized {
		t.Errorf("another token: status %d", got)
	}
	checkConfinement(t, e, id)
	healthy := func(arguments ...string) error {
		_, err := e.pod(t.Context(), slices.Concat([]string{"exec"}, arguments, []string{id, "/auth-service", "healthcheck", "--ready"})...)
		return err
	}
	if err := healthy(); err != nil {
		t.Errorf("not healthy: %v", err)
	}
	// The check can fail: nobody listens there.
	if healthy("--env=LISTEN=unix:///run/auth-service/none.sock") == nil {
		t.Error("healthy without a listener")
	}
	// nginx with the container behind it, and then with other tokens.
	site := startNginx(t, socket)
	site.CheckVerdicts(t)
	keyring(t, etc, tokentest.KeyringLine("ci", proxytest.Deploy))
	proxytest.Await(t, "the new keyring", func() bool { return status(proxytest.Deploy) == http.StatusOK })
	if got := status(proxytest.Token); got != http.StatusUnauthorized {
		t.Errorf("a token that was revoked: status %d", got)
	}
	keyring(t, etc, "")
	proxytest.Await(t, "the empty keyring", func() bool { return status(proxytest.Deploy) == http.StatusInternalServerError })
	if healthy() == nil {
		t.Error("healthy, though nobody can pass")
	}
}

func checkConfiguration(t *testing.T, e *engine, image string) {
	t.Helper()
	var inspected struct {
		Docker struct {
			Config struct {
				User         string
				Entrypoint   []string
				ExposedPorts map[string]struct{}
				Healthcheck  struct{ Test []string }
			}
		}
	}
	out, err := e.build(t.Context(), "inspect", "--type", "image", image)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out), &inspected); err != nil {
		t.Fatal(err)
	}
	config := inspected.Docker.Config
	_, exposed := config.ExposedPorts["8081/tcp"]
	if config.User != "65532:65532" || !exposed || !slices.Equal(config.Entrypoint, []string{"/auth-service"}) ||
		!slices.Equal(config.Healthcheck.Test, []string{"CMD", "/auth-service", "healthcheck", "--ready"}) {
		t.Errorf("the image is configured as %+v", config)
	}
}

// checkConfinement looks at what the kernel says of the process.
func checkConfinement(t *testing.T, e *engine, id string) {
	t.Helper()
	pid, err := e.pod(t.Context(), "inspect", "--format", "{{.State.Pid}}", id)
	if err != nil {
		t.Fatal(err)
	}
	status := read(t, filepath.Join("/proc", strings.TrimSpace(pid), "status"))
	for _, want := range []string{
		"Uid:\t65532\t65532\t65532\t65532\n", "Gid:\t65532\t65532\t65532\t65532\n",
		"CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n",
	} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
}

// startNginx runs the configuration with the real nginx in front of what is
// behind the socket.
func startNginx(t *testing.T, socket string) *proxytest.Site {
	t.Helper()
	program := needtest.Program(t, "nginx")
	dir := t.TempDir()
	backend := proxytest.StartBackend(t)
	address := "127.0.0.1:" + proxytest.Port(t)
	configuration := proxytest.Config(t, dir, "nginx.conf",
		"listen 8080;", "listen "+address+";", "http://backend:8000", "http://"+backend.Address,
		"/run/auth-service/auth.sock", socket, " /tmp/", " "+dir+"/")
	// Workers of a master that runs as root become another user, who may not
	// enter the test's folders. In the container there is no root.
	directives := "daemon off;"
	if os.Geteuid() == 0 {
		directives += " user root;"
	}
	proxytest.Start(t, address, nil, program, "-p", dir, "-e", "stderr", "-c", configuration, "-g", directives)
	return &proxytest.Site{Address: address, Backend: backend}
}

func TestNginx(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "auth.sock")
	site := startNginx(t, socket)
	site.Check(t, proxytest.Request{Name: "no service", Fields: []string{proxytest.Bearer(proxytest.Token)}, Want: []int{500}})
	site.Service = proxytest.StartServiceOnSocket(t, socket, proxytest.TokenVariable)
	site.CheckVerdicts(t)
	site.CheckSeveralAuthorizationFields(t)
	site.CheckUnavailable(t)
	site.CheckLog(t, "nginx", "/log")
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "auth.sock")
	service := proxytest.StartServiceOnSocket(t, socket, proxytest.KeyringVariable(t))
	site := startNginx(t, socket)
	site.Service = service
	site.CheckIdentity(t)
}
