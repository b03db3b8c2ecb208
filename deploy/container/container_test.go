// Package container_test builds the image and runs it.
package container_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

// storage is where an engine keeps images, apart from those of the machine.
type storage struct{ flags []string }

func newStorage(t *testing.T) storage {
	t.Helper()
	dir := t.TempDir()
	return storage{[]string{"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs"}}
}

func (s storage) run(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	out, err := s.try(t, program, arguments...)
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, arguments, err, out)
	}
	return out
}

func (s storage) try(t *testing.T, program string, arguments ...string) (string, error) {
	t.Helper()
	flags := s.flags
	if program == "podman" {
		flags = append([]string{"--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=file"}, flags...)
	}
	out, err := exec.CommandContext(t.Context(), proxytest.Program(t, program), append(flags, arguments...)...).CombinedOutput()
	return string(out), err
}

// lastStage writes the last stage of the Dockerfile, which takes the program
// from the folder that it is built in, not from the stage before: the base image of
// that cannot be had without a registry.
func lastStage(t *testing.T, dir string) string {
	t.Helper()
	file, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, stage, found := strings.Cut(string(file), "\nFROM scratch\n")
	if !found || !strings.Contains(stage, "COPY --from=build ") {
		t.Fatalf("the Dockerfile has no last stage from scratch: %s", file)
	}
	return proxytest.WriteFile(t, filepath.Join(dir, "Dockerfile"), "FROM scratch\n"+strings.Replace(stage, "--from=build ", "", 1))
}

func TestImage(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		proxytest.Unable(t, "running a container without an engine's daemon needs root")
	}
	dir, s := t.TempDir(), newStorage(t)
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "auth-service"), "../../cmd/auth-service")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const image = "auth-service-test"
	s.run(t, "buildah", "build", "--isolation", "chroot", "--format", "docker", "--file", lastStage(t, dir), "--tag", image, dir)

	var built struct {
		Docker struct {
			Config struct {
				User        string
				Entrypoint  []string
				Healthcheck struct{ Test []string }
			}
		}
	}
	if err := json.Unmarshal([]byte(s.run(t, "buildah", "inspect", "--type", "image", image)), &built); err != nil {
		t.Fatal(err)
	}
	config := built.Docker.Config
	if config.User != "65532:65532" || !slices.Equal(config.Entrypoint, []string{"/auth-service"}) ||
		!slices.Equal(config.Healthcheck.Test, []string{"CMD", "/auth-service", "healthcheck"}) {
		t.Errorf("the image is configured as %+v", config)
	}

	port := proxytest.Port(t)
	name := "auth-service-test-" + port
	s.run(t, "podman", "run", "--detach", "--name", name, "--network", "host", "--read-only", "--cap-drop=ALL",
		"--security-opt", "no-new-privileges", "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096", "--health-interval=disable",
		"--env", "HOST=127.0.0.1", "--env", "PORT="+port, "--env", proxytest.TokenVariable, image)
	t.Cleanup(func() {
		// The test's context is done by then.
		_ = exec.Command("podman", append(slices.Clone(s.flags), "rm", "--force", "--time", "0", name)...).Run()
	})
	address := "127.0.0.1:" + port
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if _, err := proxytest.Exchange(address, "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err == nil {
			break
		}
		if time.Since(begun) > 20*time.Second {
			out, _ := s.try(t, "podman", "logs", name)
			t.Fatalf("it does not answer: %s", out)
		}
	}
	for token, want := range map[string]int{proxytest.Token: 200, proxytest.Stranger: 401} {
		if got := proxytest.Get(t, address, "/auth", proxytest.Bearer(token)).Status; got != want {
			t.Errorf("status %d, want %d", got, want)
		}
	}
	s.run(t, "podman", "exec", name, "/auth-service", "healthcheck")
	if out, err := s.try(t, "podman", "exec", "--env", "PORT=1", name, "/auth-service", "healthcheck"); err == nil {
		t.Errorf("asked where nobody listens, the health check succeeds: %s", out)
	}
	if out := s.run(t, "podman", "top", name, "huser", "args"); !strings.Contains(out, "65532") {
		t.Errorf("it runs as somebody else: %s", out)
	}
	s.run(t, "podman", "stop", "--time", "10", name)
	if out := s.run(t, "podman", "inspect", "--format", "{{.State.ExitCode}}", name); strings.TrimSpace(out) != "0" {
		t.Errorf("it ended with exit status %s", out)
	}
}

// TestDockerfiles: the image that users build is the one that is released.
func TestDockerfiles(t *testing.T) {
	t.Parallel()
	settings := func(path string) (lines []string) {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		stage := string(file)[strings.LastIndex(string(file), "FROM "):]
		for line := range strings.Lines(stage) {
			if word, _, _ := strings.Cut(line, " "); word != "ARG" && word != "COPY" && strings.TrimSpace(line) != "" {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		return lines
	}
	if own, released := settings("Dockerfile"), settings("../../packaging/Dockerfile"); !slices.Equal(own, released) {
		t.Errorf("Dockerfile has %q, the released image %q", own, released)
	}
}

type service struct {
	Build       *struct{ Context, Dockerfile string }
	Image       string
	Environment map[string]string
	Volumes     []string
	Ports       []string
	ReadOnly    bool                                  `yaml:"read_only"`
	CapDrop     []string                              `yaml:"cap_drop"`
	SecurityOpt []string                              `yaml:"security_opt"`
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Restart     string
}

// decode takes no word that it does not know.
func decode(file []byte, to any) error {
	d := yaml.NewDecoder(bytes.NewReader(file))
	d.KnownFields(true)
	return d.Decode(to)
}

func TestCompose(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct{ Services map[string]service }
	if err := decode(file, &compose); err != nil {
		t.Fatal(err)
	}
	if err := decode([]byte("services: { a: { imagge: x } }"), new(struct{ Services map[string]service })); err == nil {
		t.Error("a word that is misspelt is taken")
	}
	s := compose.Services["auth-service"]
	if s.Build == nil || !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || len(s.Ports) != 0 {
		t.Errorf("auth-service may do too much: %+v", s)
	}
	if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
		t.Error(err)
	}
	for name, s := range compose.Services {
		for _, volume := range s.Volumes {
			if source, _, _ := strings.Cut(volume, ":"); !strings.HasPrefix(source, "./") {
				t.Errorf("%s: %s", name, volume)
			} else if _, err := os.Stat(source); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for other := range s.DependsOn {
			if _, found := compose.Services[other]; !found {
				t.Errorf("%s depends on %s", name, other)
			}
		}
	}
}

// TestProxyIsTheRecommendedOne, which is tested with the real nginx.
func TestProxyIsTheRecommendedOne(t *testing.T) {
	t.Parallel()
	own, err := os.ReadFile("nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	recommended, err := os.ReadFile("../nginx/recommended.conf")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("127.0.0.1:8081", "auth-service:8081", "127.0.0.1:8000", "backend:80").Replace(string(recommended))
	if string(own) != want {
		t.Error("nginx.conf is not deploy/nginx/recommended.conf with the containers' names")
	}
}
