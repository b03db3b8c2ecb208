package main

import (
	"bufio"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/plaintext"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// nobody is a user that owns nothing. The /proc files of a dumpable process belong
// to its user, so a test that runs as root runs the program as another user.
const nobody = 65534

// refuse makes a system call fail with EPERM from now on, like the seccomp filter
// of a container.
func refuse(name string) error {
	calls := map[string]struct {
		number   uintptr
		argument uint32 // the first, if not 0
	}{
		"prlimit64": {number: unix.SYS_PRLIMIT64},
		"prctl":     {number: unix.SYS_PRCTL, argument: unix.PR_SET_DUMPABLE},
	}
	call, known := calls[name]
	if !known {
		return fmt.Errorf("%s: cannot refuse this", name)
	}
	const numberAt, argumentAt = 0, 16 // in struct seccomp_data, on a little-endian machine
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	unlessEqual := func(value uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jf: skip}
	}
	answer := func(value uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value}
	}
	filter := []unix.SockFilter{load(numberAt), unlessEqual(uint32(call.number), 3), load(argumentAt), unlessEqual(call.argument, 1)}
	if call.argument == 0 {
		filter = []unix.SockFilter{load(numberAt), unlessEqual(uint32(call.number), 1)}
	}
	filter = append(filter, answer(unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM)), answer(unix.SECCOMP_RET_ALLOW))
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("refusing %s: %w", name, errno)
	}
	return nil
}

// heldBinary is a copy of the test binary that every user can run.
var heldBinary = sync.OnceValues(func() (string, error) {
	path, err := binary() // its directory is removed at the end
	if err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	from, err := os.Open(self)
	if err != nil {
		return "", err
	}
	defer from.Close()
	held := filepath.Join(filepath.Dir(path), "held")
	to, err := os.OpenFile(held, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, from)
	if closeErr := to.Close(); err == nil {
		err = closeErr
	}
	return held, err
})

// held is the program, held before its exit.
type held struct {
	pid            int
	status         string
	stdout, stderr string
}

// holdCommand runs a command of the program until it would exit, with the given
// value of heldVariable. The environment may hold a variable more than once, which
// os/exec does not allow.
func holdCommand(t *testing.T, with string, environment []string, stdin *os.File, arguments ...string) held {
	t.Helper()
	path, err := heldBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	stdout, stderr := file("stdout"), file("stderr")
	report, reportEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = report.Close() })
	if stdin == nil {
		stdin = file("stdin")
	}
	attributes := &os.ProcAttr{
		Env:   append([]string{heldVariable + "=" + with}, environment...),
		Files: []*os.File{stdin, stdout, stderr, reportEnd},
	}
	if os.Getuid() == 0 {
		attributes.Sys = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	process, err := os.StartProcess(path, append([]string{"auth-service"}, arguments...), attributes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Kill()
		_, _ = process.Wait()
	})
	_ = reportEnd.Close()
	_ = report.SetReadDeadline(time.Now().Add(patience))
	h := held{pid: process.Pid}
	status, err := bufio.NewReader(report).ReadString('\n')
	read := func(f *os.File) string {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	h.stdout, h.stderr = read(stdout), read(stderr)
	if err != nil {
		t.Fatalf("it does not come to its end: %v: %s", err, h.stderr)
	}
	h.status = strings.TrimSuffix(status, "\n")
	return h
}

// piped returns the end of a pipe that gives text and then its end.
func piped(t *testing.T, text string) *os.File {
	t.Helper()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = from.Close() })
	go func() {
		_, _ = io.WriteString(to, text) // it may be more than a pipe holds
		_ = to.Close()
	}()
	return from
}

// typed returns a terminal on which a line is typed as soon as it is not shown.
func typed(t *testing.T, line string) *os.File {
	t.Helper()
	controller, terminal := openTerminal(t)
	go func() {
		for begun := time.Now(); time.Since(begun) < patience; time.Sleep(time.Millisecond) {
			if state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS); err != nil || state.Lflag&unix.ECHO == 0 {
				break
			}
		}
		_, _ = io.WriteString(controller, line)
	}()
	return terminal
}

// TestNoCommandKeepsAToken scans the memory of each command when it has done its
// work. It must hold neither the environment's token nor one that the command read
// or made, and only root may read that memory.
func TestNoCommandKeepsAToken(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's shadow memory is not the program's")
	}
	t.Parallel()
	service := startService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good)
	_, port, _ := strings.Cut(service.address, ":")
	type command struct {
		arguments   []string
		environment []string
		stdin       func(t *testing.T, token string) *os.File
		status      string
	}
	pipe := func(after string) func(*testing.T, string) *os.File {
		return func(t *testing.T, token string) *os.File { return piped(t, token+after) }
	}
	folder := publicFolder(t)
	keyrings := 0
	keyring := func() string {
		keyrings++
		return filepath.Join(folder, fmt.Sprint("keyring-", keyrings))
	}
	key := core.CredentialOf([]byte(tokentest.Token(1)))
	filled := func() string { // of the user whom the command runs as
		path := tokentest.WriteFile(t, keyring(), tokentest.Keyring(1, 2))
		if os.Getuid() == 0 {
			if err := os.Chown(path, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	for name, c := range map[string]command{
		"healthcheck":         {arguments: []string{"healthcheck"}, environment: []string{"HOST=127.0.0.1", "PORT=" + port}, status: "0"},
		"healthcheck, ready":  {arguments: []string{"healthcheck", "--ready"}, environment: []string{"HOST=127.0.0.1", "PORT=" + port}, status: "0"},
		"check, JSON":         {arguments: []string{"check", "--json"}, status: "0"},
		"check":               {arguments: []string{"check"}, status: "0"},
		"check, broken":       {arguments: []string{"check"}, environment: []string{"AUTH_SERVICE_KEYRING=/dev/null/none"}, status: "2"},
		"serve, broken":       {arguments: []string{"serve"}, environment: []string{"PORT=none"}, status: "2"},
		"version":             {arguments: []string{"version"}, status: "0"},
		"help":                {arguments: []string{"--help"}, status: "0"},
		"usage error":         {arguments: []string{"--nonsense"}, status: "2"},
		"token new":           {arguments: []string{"token", "new"}, status: "0"},
		"token new, JSON":     {arguments: []string{"token", "new", "--json"}, status: "0"},
		"token new, keyring":  {arguments: []string{"token", "new", "-k", keyring()}, status: "0"},
		"token new, both":     {arguments: []string{"token", "new", "--json", "-k", keyring()}, status: "0"},
		"token add":           {arguments: []string{"token", "add", "-k", keyring()}, stdin: pipe("\n"), status: "0"},
		"token add, JSON":     {arguments: []string{"token", "add", "--json", "-k", keyring()}, stdin: pipe(""), status: "0"},
		"token add, refused":  {arguments: []string{"token", "add", "-k", keyring()}, stdin: pipe("\x01"), status: "2"},
		"token add, no file":  {arguments: []string{"token", "add", "-k", folder}, stdin: pipe(""), status: "2"},
		"token add, typed":    {arguments: []string{"token", "add", "-k", keyring()}, stdin: func(t *testing.T, token string) *os.File { return typed(t, token+"\n") }, status: "0"},
		"token list":          {arguments: []string{"token", "list", "-k", filled()}, status: "0"},
		"token revoke":        {arguments: []string{"token", "revoke", "-k", filled(), key.KeyID().String()}, status: "0"},
		"token rotate":        {arguments: []string{"token", "rotate", "-k", filled(), "p"}, status: "0"},
		"token rotate, JSON":  {arguments: []string{"token", "rotate", "-k", filled(), "p", "--json"}, status: "0"},
		"token verify":        {arguments: []string{"token", "verify"}, stdin: pipe("\n"), status: "1"},
		"token verify, JSON":  {arguments: []string{"token", "verify", "--json"}, stdin: pipe("\x01"), status: "1"},
		"token verify, typed": {arguments: []string{"token", "verify"}, stdin: func(t *testing.T, token string) *os.File { return typed(t, token+"\n") }, status: "1"},
		"token verify, none":  {arguments: []string{"token", "verify", "--scope", "a b"}, stdin: pipe("\n"), status: "2"},
		"token hash":          {arguments: []string{"token", "hash"}, stdin: pipe(""), status: "0"},
		"token hash, line":    {arguments: []string{"token", "hash"}, stdin: pipe("\r\n"), status: "0"},
		"token hash, refused": {arguments: []string{"token", "hash"}, stdin: pipe("\x01"), status: "2"},
		"token hash, long":    {arguments: []string{"token", "hash"}, stdin: pipe(strings.Repeat(".", plaintext.MaxFile)), status: "1"},
		"token hash, typed":   {arguments: []string{"token", "hash"}, stdin: func(t *testing.T, token string) *os.File { return typed(t, token+"\n") }, status: "0"},
	} {
		t.Run(name, func(t *testing.T) {
			secret, read := newSecret(t), newSecret(t)
			var stdin *os.File
			if c.stdin != nil {
				stdin = c.stdin(t, read)
			}
			h := holdCommand(t, "nothing", append([]string{"AUTH_SERVICE_TOKEN=" + secret, "A=1"}, c.environment...), stdin, c.arguments...)
			if h.status != c.status {
				t.Fatalf("status %s, want %s: %s", h.status, c.status, h.stderr)
			}
			secrets := []string{secret, read}
			if made := tokenIn(h.stdout); made != "" {
				secrets = append(secrets, made, drawnFor(t, made))
			} else if strings.HasPrefix(name, "token new") || strings.HasPrefix(name, "token rotate") {
				t.Fatalf("no token in %q", h.stdout)
			}
			if hits, where := scan(t, h.pid, secrets...); hits > 0 {
				t.Errorf("%d windows of a token in %q", hits, where)
			}
			checkEnvironment(t, h.pid)
			checkProtected(t, h.pid, true, true)
			if strings.Contains(h.stderr, "warning") {
				t.Error(h.stderr)
			}
		})
	}
}

// drawnFor returns the 32 random bytes that a token was made of.
func drawnFor(t *testing.T, token string) string {
	t.Helper()
	// math/big has the digits in the other order of case.
	digits := strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, token[len("as_"):][:43])
	number, ok := new(big.Int).SetString(digits, 62)
	if !ok || number.BitLen() > 256 {
		t.Fatalf("%s is not of 32 bytes", token)
	}
	return string(number.FillBytes(make([]byte, 32)))
}

// checkEnvironment checks that the kernel shows the environment without the token.
func checkEnvironment(t *testing.T, pid int) {
	t.Helper()
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		needtest.Missing(t, "reading the environment of the process: %v (run the test as root)", err)
	}
	if strings.Contains(string(environ), "AUTH_SERVICE_TOKEN=") || !strings.Contains(string(environ), "A=1") {
		t.Error("the environment block is not as it should be")
	}
}

// TestRepeatedVariable: the first one counts, as in a shell, and no copy stays.
func TestRepeatedVariable(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's shadow memory is not the program's")
	}
	t.Parallel()
	const tooShort = "short"
	same := newSecret(t)
	for name, secrets := range map[string][]string{
		"twice":            {newSecret(t), newSecret(t)},
		"the same":         {same, same},
		"four times":       {newSecret(t), newSecret(t)[:40], newSecret(t) + newSecret(t), newSecret(t)},
		"the first counts": {tooShort, newSecret(t)},
	} {
		t.Run(name, func(t *testing.T) {
			environment := []string{"A=1"}
			for i, secret := range secrets {
				environment = append(environment, "AUTH_SERVICE_TOKEN="+secret, fmt.Sprintf("BETWEEN_%d=x", i), "AUTH_SERVICE_TOKENS=no-secret")
			}
			h := holdCommand(t, "nothing", environment, nil, "check")
			want := "0"
			if secrets[0] == tooShort {
				want = "2"
			}
			if h.status != want {
				t.Errorf("status %s, want %s: %s", h.status, want, h.stderr)
			}
			if hits, where := scan(t, h.pid, secrets...); hits > 0 {
				t.Errorf("%d windows of a token in %q", hits, where)
			}
			checkEnvironment(t, h.pid)
		})
	}
}

// TestEachProtectionOnItsOwn: if the system refuses one protection, the other is
// in force, and one line says which is not.
func TestEachProtectionOnItsOwn(t *testing.T) {
	t.Parallel()
	for refused, line := range map[string]string{
		"prlimit64": "disabling core dumps: operation not permitted",
		"prctl":     "making the process not dumpable: operation not permitted",
	} {
		t.Run(refused, func(t *testing.T) {
			h := holdCommand(t, refused, []string{"AUTH_SERVICE_TOKEN=" + newSecret(t)}, nil, "check")
			if h.status != "0" || h.stderr != "auth-service: warning: "+line+"\n" {
				t.Errorf("status %s, standard error %q", h.status, h.stderr)
			}
			checkProtected(t, h.pid, refused != "prlimit64", refused != "prctl")
		})
	}
}
