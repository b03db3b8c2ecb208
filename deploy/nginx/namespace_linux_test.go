package nginx_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

// outside is the variable that tells a test in its own namespaces which mount
// namespace it was started from.
const outside = "NGINX_TEST_STARTED_FROM"

// alone runs the calling test again in a process with its own namespaces for mounts
// and network, and reports whether this is that process. There the ports 80, 8000,
// 8080 and 8081 are free and /etc/nginx can be replaced. So an example is tested as
// it is installed, byte for byte.
func alone(t *testing.T) bool {
	t.Helper()
	here, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		t.Fatal(err)
	}
	if from, inside := os.LookupEnv(outside); inside {
		if from == here {
			t.Fatal("not in a namespace of its own, so /etc/nginx must not be replaced")
		}
		raiseLoopback(t)
		return true
	}
	needtest.Program(t, "nginx")
	if os.Geteuid() != 0 {
		needtest.Missing(t, "only root can run nginx in namespaces of its own")
	}
	proxytest.Build(t)
	command := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.v", "-test.timeout=5m", "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), outside+"="+here)
	command.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET}
	out, err := command.CombinedOutput()
	if err != nil && command.Process == nil {
		needtest.Missing(t, "no namespaces of its own: %v", err)
	}
	switch text := string(out); {
	case err != nil:
		t.Errorf("%v\n%s", err, text)
	case strings.Contains(text, "--- SKIP: "+t.Name()):
		needtest.Missing(t, "%s", text)
	case !strings.Contains(text, "--- PASS: "+t.Name()):
		t.Errorf("the test did not run:\n%s", text)
	}
	return false
}

// raiseLoopback gives the namespace its loopback interface.
func raiseLoopback(t *testing.T) {
	t.Helper()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	request := struct { // struct ifreq of netdevice(7)
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: unix.IFF_UP}
	copy(request.name[:], "lo")
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(socket), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		t.Fatal(errno)
	}
}

// mount covers a folder with an empty one until the test ends.
func mount(t *testing.T, folder string) {
	t.Helper()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "mode=0755"); err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
	})
}

// cover replaces a file's contents with a text until the test ends.
func cover(t *testing.T, file, text string) {
	t.Helper()
	instead := proxytest.WriteFile(t, t.TempDir()+"/file", text)
	if err := os.Chmod(instead, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(instead, file, "", unix.MS_BIND, ""); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(file, unix.MNT_DETACH); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	})
}
