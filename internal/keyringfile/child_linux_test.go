package keyringfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/internal/needtest"
)

// childVariable makes the test program a process that edits a keyring: it names what to
// do, and the path of the keyring.
const childVariable = "KEYRINGFILE_TEST_CHILD"

func TestMain(m *testing.M) {
	task, path, isChild := strings.Cut(os.Getenv(childVariable), ":")
	if !isChild {
		os.Exit(m.Run())
	}
	if err := children[task](path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child returns a process of this test program.
func child(t *testing.T, task, path string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program)
	c.Env = append(os.Environ(), childVariable+"="+task+":"+path)
	return c
}

// children are what such a process can do.
var children = map[string]func(path string) error{
	"add":      addUntilKilled,
	"full":     editFull,
	"readonly": editReadOnly,
	"mounted":  editMounted,
	"stranger": editOfStranger,
	"print":    editAndPrint,
	"early1":   signalEarly(syscall.SIGHUP),
	"early2":   signalEarly(syscall.SIGINT),
	"early15":  signalEarly(syscall.SIGTERM),
	"late1":    signalLate(syscall.SIGHUP),
	"late2":    signalLate(syscall.SIGINT),
	"late15":   signalLate(syscall.SIGTERM),
}

// inNamespace runs a child that may mount file systems, which nobody else sees.
func inNamespace(t *testing.T, task string) {
	t.Helper()
	c := child(t, task, filepath.Join(t.TempDir(), "keyring"))
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	out, err := c.CombinedOutput()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) {
		needtest.Missing(t, "no user namespaces: %v", err)
	}
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestFullDisk: a keyring on a full disk stays as it is.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	inNamespace(t, "full")
}

func editFull(path string) error {
	if err := unix.Mount("tmpfs", filepath.Dir(path), "tmpfs", 0, "size=16k"); err != nil {
		return err
	}
	before := strings.Repeat("#\n", 1000) + line("a") + "\n"
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		return err
	}
	// Room for a new file is left, but none for its contents.
	rest, err := os.Create(filepath.Join(filepath.Dir(path), "rest"))
	if err != nil {
		return err
	}
	for err == nil {
		_, err = rest.Write(make([]byte, 512))
	}
	confirmed := false
	err = editOnce(path, &confirmed)
	if !errors.Is(err, unix.ENOSPC) || confirmed {
		return fmt.Errorf("confirmed: %t, %w", confirmed, err)
	}
	return isLeft(path, before, "keyring", "rest")
}

// TestReadOnly: the error of a keyring in a Secret's mount says what to do.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	inNamespace(t, "readonly")
}

// editReadOnly lays the files as the kubelet does.
func editReadOnly(path string) error {
	folder := filepath.Dir(path)
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, ""); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(folder, "..2026"), 0o755); err != nil {
		return err
	}
	file := filepath.Join(folder, "..2026", "keyring")
	err := errors.Join(os.WriteFile(file, []byte(line("a")+"\n"), 0o600),
		os.Symlink("..2026", filepath.Join(folder, "..data")), os.Symlink("..data/keyring", path),
		unix.Mount("", folder, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	if err != nil {
		return err
	}
	confirmed := false
	err = editOnce(path, &confirmed)
	if err == nil || confirmed || !strings.Contains(err.Error(), file+": read-only file system, as a mounted Secret is; make the change where") {
		return fmt.Errorf("confirmed: %t, %w", confirmed, err)
	}
	return isLeft(file, line("a")+"\n", "keyring")
}

// TestMountedAlone: the error of a file that is a mount point, as in a container, says
// what to do.
func TestMountedAlone(t *testing.T) {
	t.Parallel()
	inNamespace(t, "mounted")
}

func editMounted(path string) error {
	file := path + ".real"
	err := errors.Join(os.WriteFile(file, []byte(line("a")+"\n"), 0o600), os.WriteFile(path, nil, 0o600),
		unix.Mount(file, path, "", unix.MS_BIND, ""))
	if err != nil {
		return err
	}
	confirmed := false
	err = editOnce(path, &confirmed)
	if err == nil || confirmed || !strings.Contains(err.Error(), "mounted on its own, so it cannot be replaced; mount its folder instead") {
		return fmt.Errorf("confirmed: %t, %w", confirmed, err)
	}
	return isLeft(path, line("a")+"\n", "keyring", "keyring.real")
}

// TestOfStranger: a file whose owner cannot be kept, and a folder that cannot be written
// to, are left alone.
func TestOfStranger(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		needtest.Missing(t, "this test has to be run as root")
	}
	const own, others = 12345, 54321
	for mode, want := range map[os.FileMode]string{
		0o777: "cannot keep its owner",
		0o755: "permission denied to write into the folder",
	} {
		folder := filepath.Join(openTempDir(t), "folder")
		path := filepath.Join(folder, "keyring")
		err := errors.Join(os.Mkdir(folder, mode), os.Chmod(folder, mode), os.WriteFile(path, []byte(line("a")+"\n"), 0o600),
			os.Chmod(path, 0o644), os.Chown(path, others, others))
		if err != nil {
			t.Fatal(err)
		}
		c := child(t, "stranger", path)
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: own, Gid: own}}
		c.Path = "/proc/self/exe" // which a stranger may run, wherever it is
		out, _ := c.CombinedOutput()
		if !strings.Contains(string(out), want) {
			t.Errorf("%v: %s, want %s", mode, out, want)
		}
		if err := isLeft(path, line("a")+"\n", "keyring"); err != nil {
			t.Errorf("%v: %v", mode, err)
		}
	}
}

func editOfStranger(path string) error {
	confirmed := false
	return errors.Join(editOnce(path, &confirmed), fmt.Errorf("confirmed: %t", confirmed))
}

// openTempDir returns a folder that other users can reach.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "keyringfile")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// editOnce edits as the tests of a failure do.
func editOnce(path string, confirmed *bool) error {
	return Edit(context.Background(), path, adds("b"), func() error { *confirmed = true; return nil })
}

// isLeft returns an error unless the file has that text and its folder those names.
func isLeft(path, text string, names ...string) error {
	got, err := os.ReadFile(path)
	if err != nil || string(got) != text {
		return fmt.Errorf("%q is left, %w", got, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != len(names) {
		return fmt.Errorf("the folder has %v, %w", entries, err)
	}
	for i, name := range names {
		if entries[i].Name() != name {
			return errors.New("the folder has " + strconv.Quote(entries[i].Name()))
		}
	}
	return nil
}
