package container_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

// engine runs buildah and podman on a storage of the test's own.
type engine struct {
	buildah, podman string
	storage         []string
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	e := &engine{buildah: needtest.Program(t, "buildah"), podman: needtest.Program(t, "podman")}
	needtest.Program(t, "runc")
	if os.Getuid() != 0 {
		needtest.Missing(t, "without a user namespace, images are built by root alone")
	}
	dir, err := os.MkdirTemp("", "storage") //nolint:usetesting // it is removed only when nobody writes to it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// podman's monitor starts a last podman when a container has ended, which
		// would make the folders again.
		proxytest.Await(t, "the end of podman's processes", func() bool { return !named(t, dir) })
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	e.storage = []string{"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs"}
	return e
}

// named reports whether a process has text on its command line.
func named(t *testing.T, text string) bool {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		line, _ := os.ReadFile(path) // the process may have ended
		return bytes.Contains(line, []byte(text))
	})
}

func run(ctx context.Context, program string, arguments ...string) (stdout string, err error) {
	command := exec.CommandContext(ctx, program, arguments...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		err = errors.Join(err, errors.New(stderr.String()))
	}
	return string(out), err
}

func (e *engine) build(ctx context.Context, arguments ...string) (string, error) {
	return run(ctx, e.buildah, slices.Concat(e.storage, arguments)...)
}

func (e *engine) pod(ctx context.Context, arguments ...string) (string, error) {
	global := []string{"--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=file"}
	return run(ctx, e.podman, slices.Concat(e.storage, global, arguments)...)
}

// image builds the last stage of the Dockerfile around the program.
func (e *engine) image(t *testing.T) (name string) {
	t.Helper()
	binary := compile(t)
	_, final := stages(t)
	if !strings.Contains(final, "COPY --from=build /auth-service ") {
		t.Fatalf("the program is copied otherwise:\n%s", final)
	}
	dockerfile := proxytest.WriteFile(t, filepath.Join(filepath.Dir(binary), "Dockerfile"),
		finalStage+strings.Replace(final, "--from=build /auth-service ", "auth-service ", 1))
	name = "auth-service-test"
	if _, err := e.build(t.Context(), "build", "--isolation", "chroot", "--format", "docker",
		"--file", dockerfile, "--tag", name, filepath.Dir(binary)); err != nil {
		t.Fatal(err)
	}
	return name
}

// start runs the image confined as in compose.yaml. Its socket is in the
// folder run, what it reads in etc.
func (e *engine) start(t *testing.T, image, run, etc string) (id string) {
	t.Helper()
	id, err := e.pod(t.Context(), "run", "--detach", "--pull=never", "--network=none",
		"--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096", "--health-interval=disable",
		"--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges",
		"--env=LISTEN=unix:///run/auth-service/auth.sock?mode=0666", "--env=AUTH_SERVICE_KEYRING=/etc/auth-service/keyring",
		"--volume="+run+":/run/auth-service", "--volume="+etc+":/etc/auth-service:ro", image)
	if err != nil {
		needtest.Missing(t, "no container can be run here: %v", err)
	}
	id = strings.TrimSpace(id)
	t.Cleanup(func() {
		// Not the test's context, which is done by now.
		if t.Failed() {
			logs, err := e.pod(context.Background(), "logs", id)
			t.Logf("%s %v", logs, err)
		}
		if _, err := e.pod(context.Background(), "rm", "--force", "--time=5", id); err != nil {
			t.Error(err)
		}
	})
	return id
}
