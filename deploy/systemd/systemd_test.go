// Package systemd_test holds the units to what systemd says of them, and the
// program to what the units ask of it.
package systemd_test

import (
	"errors"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

const (
	service = "auth-service.service"
	socket  = "auth-service.socket"
	program = "/usr/bin/auth-service"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// values returns what a unit gives to a setting, in order.
func values(unit, setting string) []string {
	var all []string
	for line := range strings.Lines(unit) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), setting+"="); found {
			all = append(all, value)
		}
	}
	return all
}

// install writes the units into an empty folder, as a machine would have them,
// with drop-ins: UNIT.d/NAME and text. The program is one that exists.
func install(t *testing.T, dropIns map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	unit := read(t, service)
	if got := values(unit, "ExecStart"); !slices.Equal(got, []string{program}) {
		t.Fatalf("%s starts %q", service, got)
	}
	files := map[string]string{
		service: strings.Replace(unit, "ExecStart="+program, "ExecStart="+needtest.Program(t, "true"), 1),
		socket:  read(t, socket),
	}
	maps.Copy(files, dropIns)
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		proxytest.WriteFile(t, path, text)
	}
	return dir
}

// verify returns what systemd has to say against the units of a folder.
func verify(t *testing.T, dir string) string {
	t.Helper()
	analyze := exec.CommandContext(t.Context(), needtest.Program(t, "systemd-analyze"), "verify", "--man=no",
		filepath.Join(dir, service), filepath.Join(dir, socket))
	out, err := analyze.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err != nil && len(out) == 0 {
		return err.Error()
	}
	return string(out)
}

// documented returns the drop-ins that the README shows, by their path within
// /etc/systemd/system, which is each one's first line.
func documented(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	block := regexp.MustCompile("(?ms)^```ini\n# /etc/systemd/system/(\\S+)\n(.*?)^```$")
	for _, match := range block.FindAllStringSubmatch(read(t, "README.md"), -1) {
		found[match[1]] = match[2]
	}
	if len(found) == 0 {
		t.Fatal("the README shows no drop-in")
	}
	return found
}

// TestVerify: systemd understands the units, alone and with each drop-in.
func TestVerify(t *testing.T) {
	t.Parallel()
	dropIns := documented(t)
	for _, name := range []string{"token.conf", "keyring.conf"} {
		text, path := read(t, name), service+".d/"+name
		if !strings.HasPrefix(text, "# /etc/systemd/system/"+path+":") {
			t.Errorf("%s does not say that it belongs at %s", name, path)
		}
		dropIns[path] = text
	}
	dropIns[""] = ""
	for path, text := range dropIns {
		with := map[string]string{path: text}
		delete(with, "")
		if out := verify(t, install(t, with)); out != "" {
			t.Errorf("with %q: %s", path, out)
		}
	}
	// What is wrong in a drop-in is seen.
	for _, name := range []string{service, socket} {
		dir := install(t, map[string]string{name + ".d/wrong.conf": "[Unit]\nWrong=yes\n"})
		if out := verify(t, dir); !strings.Contains(out, "wrong.conf") {
			t.Errorf("%s: a setting that does not exist in a drop-in: %q", name, out)
		}
	}
}

// TestRestart: after a failure that may pass, systemd restarts the service for as
// long as it takes; after any other, it does not. The program exits with the
// statuses that the unit relies on.
func TestRestart(t *testing.T) {
	t.Parallel()
	unit := read(t, service)
	only := func(setting string) string {
		t.Helper()
		all := values(unit, setting)
		if len(all) != 1 {
			t.Fatalf("%s is %q", setting, all)
		}
		return all[0]
	}
	number := func(setting string) int {
		t.Helper()
		n, err := strconv.Atoi(only(setting))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := only("Restart"); got != "on-failure" {
		t.Errorf("it is restarted %s", got)
	}
	if restarts := number("StartLimitIntervalSec") / number("RestartSec"); restarts >= number("StartLimitBurst") {
		t.Errorf("systemd gives up, after %d of %d restarts", number("StartLimitBurst"), restarts)
	}
	for _, setting := range []string{"Wants", "After"} {
		if !slices.Contains(strings.Fields(only(setting)), "network-online.target") {
			t.Errorf("%s has no network-online.target", setting)
		}
	}
	forbidden := strings.Fields(only("RestartPreventExitStatus"))
	binary := buildProgram(t)
	for _, c := range []struct {
		environment string
		restarted   bool
	}{
		{"ADMIN_LISTEN=tcp://203.0.113.5:9081", true},
		{"ADMIN_LISTEN=tcp://host.invalid:9081", true},
		{"ADMIN_LISTEN=nowhere", false},
		{"AUTH_SERVICE_KEYRING=/", false},
	} {
		command := exec.CommandContext(t.Context(), binary)
		command.Env = []string{"HOST=127.0.0.1", "PORT=" + proxytest.Port(t), c.environment}
		err := command.Run()
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			t.Fatalf("%s: %v", c.environment, err)
		}
		if status := strconv.Itoa(exit.ExitCode()); slices.Contains(forbidden, status) == c.restarted {
			t.Errorf("%s: exit status %s, and the unit forbids a restart for %q", c.environment, status, forbidden)
		}
	}
}

func buildProgram(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "auth-service")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/auth-service")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// exposed reports whether systemd puts a unit's exposure over 1.5 of 10.
func exposed(t *testing.T, unit string) (over bool, report string) {
	t.Helper()
	path := proxytest.WriteFile(t, filepath.Join(t.TempDir(), service), unit)
	analyze := exec.CommandContext(t.Context(), needtest.Program(t, "systemd-analyze"),
		"security", "--offline=true", "--threshold=15", "--no-pager", path)
	out, err := analyze.CombinedOutput()
	if !strings.Contains(string(out), "Overall exposure level") {
		t.Fatalf("systemd-analyze gives no verdict: %v\n%s", err, out)
	}
	return err != nil, string(out)
}

func TestSandbox(t *testing.T) {
	t.Parallel()
	unit := read(t, service)
	if over, report := exposed(t, unit); over {
		t.Error(report)
	}
	// Without its sandbox the same unit does not pass.
	begin, end := strings.Index(unit, "DynamicUser="), strings.Index(unit, "[Install]")
	if begin < 0 || end < begin {
		t.Fatal("the unit has no sandbox")
	}
	if over, report := exposed(t, unit[:begin]+unit[end:]); !over {
		t.Errorf("nothing was missed: %s", report)
	}
}

// notified is a socket as systemd's that services report to.
type notified struct{ *net.UnixConn }

func listenNotify(t *testing.T) (socket notified, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	connection, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return notified{connection}, path
}

// await reads until a state is reported.
func (n notified) await(t *testing.T, state string) {
	t.Helper()
	if err := n.SetReadDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for message := make([]byte, 4096); !slices.Contains(seen, state); {
		length, err := n.Read(message)
		if err != nil {
			t.Fatalf("%s was not reported but %q: %v", state, seen, err)
		}
		seen = append(seen, strings.Split(string(message[:length]), "\n")...)
	}
}

// activated starts the program with the sockets and the environment that the
// units and one drop-in say, by systemd's own tool. Files are in dir: the
// credentials, and what the drop-in looks for in /etc/auth-service.
func activated(t *testing.T, binary, dropIn, dir string) (addresses []string, process *proxytest.Process, notify notified) {
	t.Helper()
	var arguments []string
	for _, stream := range values(read(t, socket), "ListenStream") {
		address := "127.0.0.1:" + proxytest.Port(t)
		if strings.HasPrefix(stream, "/") {
			address = filepath.Join(dir, filepath.Base(stream))
		}
		addresses = append(addresses, address)
		arguments = append(arguments, "--listen="+address)
	}
	if len(addresses) != 2 {
		t.Fatalf("%s listens at %q, want TCP and a unix socket", socket, addresses)
	}
	environment := slices.Concat(values(read(t, service), "Environment"), values(read(t, dropIn), "Environment"))
	if len(environment) != 2 {
		t.Fatalf("the environment of the units is %q", environment)
	}
	for _, assignment := range environment {
		assignment = strings.NewReplacer("%d", dir, "/etc/auth-service", dir).Replace(assignment)
		arguments = append(arguments, "--setenv="+assignment)
	}
	notify, path := listenNotify(t)
	arguments = append(arguments, "--setenv=NOTIFY_SOCKET="+path, binary)
	process = proxytest.Start(t, addresses[0], nil, needtest.Program(t, "systemd-socket-activate"), arguments...)
	return addresses, process, notify
}

func ask(t *testing.T, address, token string) int {
	t.Helper()
	return proxytest.Get(t, address, "/auth", proxytest.Bearer(token)).Status
}

func TestActivation(t *testing.T) {
	binary := buildProgram(t)
	for _, c := range []struct{ dropIn, file, text string }{
		{"token.conf", "token", proxytest.Token + "\n"},
		{"keyring.conf", "keyring", tokentest.KeyringLine("ci", proxytest.Token)},
	} {
		t.Run(c.dropIn, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			proxytest.WriteFile(t, filepath.Join(dir, c.file), c.text)
			addresses, process, notify := activated(t, binary, c.dropIn, dir)
			notify.await(t, "READY=1")
			for _, address := range addresses {
				if got := ask(t, address, proxytest.Token); got != http.StatusOK {
					t.Errorf("%s: the token: status %d", address, got)
				}
				if got := ask(t, address, proxytest.Stranger); got != http.StatusUnauthorized {
					t.Errorf("%s: another token: status %d", address, got)
				}
			}
			process.Stop(t)
		})
	}
}
