package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/needtest"
)

// The key ids in the keyring of these tests.
const (
	firstKey  = "a1b2c3d4"
	secondKey = "b9999999"
)

// completionCases are command lines, and what they become when somebody types a tab.
var completionCases = [][2]string{
	{"v", "version"},
	{"tok", "token"},
	{"token rev", "token revoke"},
	{"--keyr", "--keyring"},
	{"check --token-f", "check --token-file"},
	{"token new --j", "token new --json"},
	{"hel", "help"},
	{"help tok", "help token"},
	{"help token ro", "help token rotate"},
	{"help chec", "help check"},
	{"--port 80 che", "--port 80 check"},
	{"--port=80 che", "--port=80 check"},
	{"--host ::1 che", "--host ::1 check"},
	{"--host=::1 che", "--host=::1 check"},
	{"--keyring file", "--keyring file-of-tokens"},
	{"--keyring=file", "--keyring=file-of-tokens"},
	{"token new -k file", "token new -k file-of-tokens"},
	{"token new --principal alice@example.com --js", "token new --principal alice@example.com --json"},
	{"--log-level D", "--log-level DEBUG"},
	{"--log-level=D", "--log-level=DEBUG"},
	{"check --log-format j", "check --log-format json"},
	{"--accept bas", "--accept basic"},
	{"--accept bearer,bas", "--accept bearer,basic"},
	{"--accept=bearer,bas", "--accept=bearer,basic"},
	{"--identity key,sc", "--identity key,scopes"},
	{"--listen syst", "--listen systemd"},
	{"token new --expires 12", "token new --expires 12h"},
	{"token rotate -k keys/1 graf", "token rotate -k keys/1 grafana"},
	{"token rotate --keyring=keys/1 graf", "token rotate --keyring=keys/1 grafana"},
	{"token rotate --keyring keys/1 graf", "token rotate --keyring keys/1 grafana"},
	{"token rotate -k ~/keys/1 graf", "token rotate -k ~/keys/1 grafana"},
	{"token rotate other", "token rotate other"}, // it is in the variable's keyring, and complete
	{"token rotate oth", "token rotate other"},
	{"token revoke -k keys/1 alice", "token revoke -k keys/1 alice@example.com"},
	{"token revoke -k keys/1 alice@ex", "token revoke -k keys/1 alice@example.com"},
	{"token revoke -k keys/1 system:serv", "token revoke -k keys/1 system:serviceaccount:ns:name"},
	{"token revoke -k keys/1 system:serviceaccount:n", "token revoke -k keys/1 system:serviceaccount:ns:name"},
	{"token revoke -k keys/1 grafana b9", "token revoke -k keys/1 grafana " + secondKey},
	{`token list -k keys/2\ 3:4 gra`, "token list -k keys/2 3:4 grafana"},
	{`token list -k 'keys/2 3:4' gra`, "token list -k keys/2 3:4 grafana"},
	{"token new -k keys/1 --principal sys", "token new -k keys/1 --principal system:serviceaccount:ns:name"},
	{"token new -k keys/1 --principal=system:", "token new -k keys/1 --principal=system:serviceaccount:ns:name"},
	{"token rotate -k missing graf", "token rotate -k missing graf"},
	{"nonsense --keyr", "nonsense --keyr"},
	{"--realm D", "--realm D"},
	{"--log-level=x", "--log-level=x"},
	{"token nonsense rev", "token nonsense rev"},
}

// completionHome returns a folder with the program in bin and with keyrings.
func completionHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for _, folder := range []string{"bin", "keys", "zsh"} {
		if err := os.Mkdir(filepath.Join(home, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	line := func(principal, key string) string {
		return principal + " sha256:" + key + strings.Repeat("0", 64-len(key)) + "\n"
	}
	p := loaded(t)
	for name, text := range map[string]string{
		"file-of-tokens":    line("other", "cccccccc"),
		"keys/1":            line("grafana", firstKey) + line("alice@example.com", secondKey) + line("system:serviceaccount:ns:name", "77777777"),
		"keys/2 3:4":        line("grafana", firstKey),
		"auth-service.bash": string(p.bash()),
		"auth-service.fish": string(p.fish()),
		"zsh/_auth-service": string(p.zsh()),
	} {
		if err := os.WriteFile(filepath.Join(home, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(home, "bin", "auth-service"), "../../cmd/auth-service")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return home
}

func completionCommand(t *testing.T, home string, program string, arguments ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Dir = home
	command.Env = []string{
		"PATH=" + filepath.Join(home, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + home, "TERM=dumb", "LC_ALL=C.UTF-8",
		"AUTH_SERVICE_KEYRING=" + filepath.Join(home, "file-of-tokens"),
	}
	return command
}

// checkTyped types each case into an interactive shell, with a tab behind it. The setup
// defines line, which writes its arguments to the file lines.
func checkTyped(t *testing.T, home, shell, setup string) {
	t.Helper()
	script := needtest.Program(t, "script")
	var typed strings.Builder
	typed.WriteString(setup)
	for _, c := range completionCases {
		typed.WriteString("auth-service " + c[0] + "\t\n")
	}
	typed.WriteString("exit\n")
	command := completionCommand(t, home, script, "--quiet", "--return", "--command", shell, os.DevNull)
	command.Stdin = strings.NewReader(typed.String())
	out, err := command.CombinedOutput()
	written, readErr := os.ReadFile(filepath.Join(home, "lines"))
	if readErr != nil {
		t.Fatalf("%v, %v\n%s", err, readErr, out)
	}
	lines := strings.Split(strings.TrimSuffix(string(written), "\n"), "\n")
	if len(lines) != len(completionCases) {
		t.Fatalf("%d lines were run, want %d\n%s\n%s", len(lines), len(completionCases), written, out)
	}
	for i, c := range completionCases {
		want := strings.ReplaceAll(c[1], "~", home)
		if got := strings.TrimSpace(lines[i]); got != want {
			t.Errorf("%s: %s, want %s", c[0], got, want)
		}
	}
}

const writeLine = `auth-service() { if [ "$1" = complete ]; then command auth-service "$@"; else echo "$*" >>lines; fi; }` + "\n"

// TestBash types command lines into bash.
func TestBash(t *testing.T) {
	t.Parallel()
	bash := needtest.Program(t, "bash")
	checkTyped(t, completionHome(t), bash+" --norc -i", ". ./auth-service.bash\nbind 'set bell-style none'\n"+writeLine)
}

// TestZsh types command lines into zsh.
func TestZsh(t *testing.T) {
	t.Parallel()
	zsh := needtest.Program(t, "zsh")
	home := completionHome(t)
	if out, err := exec.CommandContext(t.Context(), zsh, "-f", "-n", filepath.Join(home, "zsh", "_auth-service")).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	checkTyped(t, home, zsh+" -f -i", "unsetopt beep; fpath=($PWD/zsh $fpath); autoload -Uz compinit; compinit -u -d $PWD/dump\n"+writeLine)
}

// TestBashCandidates: what bash lists, where there is more than one.
func TestBashCandidates(t *testing.T) {
	t.Parallel()
	bash := needtest.Program(t, "bash")
	home := completionHome(t)
	for line, want := range map[string]string{
		"auth-service token ":                               "new add list revoke rotate verify hash",
		"auth-service --log-level ":                         "DEBUG INFO WARNING ERROR CRITICAL",
		"auth-service --accept bearer,":                     "bearer,basic bearer,header:",
		"auth-service --port ":                              "",
		"auth-service token hash --k":                       "",
		"auth-service token rotate -k keys/1 -":             strings.Join(dashed(loaded(t).find("token rotate")), " "),
		"auth-service token new -k keys/1 --principal ":     "grafana alice@example.com system:serviceaccount:ns:name",
		"~/bin/auth-service token rotate -k 'keys/1' gr":    "grafana",
		"auth-service token new --principal '$(touch hit)'": "",
		"auth-service token rotate -k $(touch${IFS}hit) g":  "",
	} {
		words := strings.Fields(line)
		if strings.HasSuffix(line, " ") {
			words = append(words, "")
		}
		for i := range words {
			words[i] = single(words[i])
		}
		command := completionCommand(t, home, bash, "--norc", "-c", fmt.Sprintf(
			". ./auth-service.bash; COMP_LINE=%s; COMP_POINT=${#COMP_LINE}; COMP_WORDS=(%s); COMP_CWORD=%d; _auth_service; echo \"${COMPREPLY[*]}\"",
			single(line), strings.Join(words, " "), len(words)-1))
		out, err := command.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: %q, want %q (%v)", line, got, want, err)
		}
	}
	if _, err := os.Stat(filepath.Join(home, "hit")); err == nil {
		t.Error("a word of the command line was run")
	}
}

// TestFish asks fish for the candidates.
func TestFish(t *testing.T) {
	t.Parallel()
	fish := needtest.Program(t, "fish")
	home := completionHome(t)
	for line, want := range map[string][]string{
		"auth-service token ":                                {"add", "hash", "list", "new", "revoke", "rotate", "verify"},
		"auth-service version --ke":                          nil,
		"auth-service token new --principal x ci":            nil,
		"auth-service --accept bearer,":                      {"bearer,basic", "bearer,header:"},
		"auth-service token new -k keys/1 --principal grafa": {"grafana"},
		"~/bin/auth-service token rotate -k keys/1 al":       {"alice@example.com"},
	} {
		if got := fishCandidates(t, fish, home, line); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	for _, c := range completionCases {
		words, whole := strings.Fields(c[0]), strings.Fields(c[1])
		want := []string{whole[len(whole)-1]}
		if slices.Equal(words, whole) && c[0] != "token rotate other" {
			want = nil
		}
		got := fishCandidates(t, fish, home, "auth-service "+c[0])
		if strings.Contains(c[0], "nonsense") {
			continue // fish does not mind words before a command
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", c[0], got, want)
		}
	}
}

func fishCandidates(t *testing.T, fish, home, line string) (candidates []string) {
	t.Helper()
	command := completionCommand(t, home, fish, "--no-config", "--command", "source auth-service.fish\ncomplete --do-complete "+fishQuote(line))
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
	for candidate := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(strings.TrimSpace(candidate), "\t")
		candidates = append(candidates, name)
	}
	slices.Sort(candidates)
	return candidates
}

// TestValues: the program takes every value that a completion offers, and not every
// other one.
func TestValues(t *testing.T) {
	t.Parallel()
	home := completionHome(t)
	whole := map[string]string{"header:": "X-API-Key", "tcp://": "127.0.0.1:1", "unix:///": "run/a.sock"} // what beginnings lack
	keyring := filepath.Join(home, "keys", "1")
	tested := 0
	for _, c := range loaded(t).commands {
		arguments := map[string][]string{
			"check":        nil,
			"token new":    {"--principal=new"},
			"token hash":   {"--principal=new"},
			"token rotate": {"grafana"},
		}
		more, taken := arguments[c.name()]
		for _, o := range c.options {
			for _, value := range append(strings.Fields(o.values), "no-such-value") {
				if !taken || o.values == "" {
					continue
				}
				tested++
				command := completionCommand(t, home, filepath.Join(home, "bin", "auth-service"),
					slices.Concat(c.words, []string{"--" + o.long + "=" + value + whole[value]}, more)...)
				command.Env = append(command.Env, "AUTH_SERVICE_KEYRING="+keyring)
				command.Stdin = strings.NewReader("a-token-that-exists-already-0123456789")
				if c.name() == "token hash" {
					command.Env = append(command.Env, "AUTH_SERVICE_KEYRING=")
				}
				out, err := command.CombinedOutput()
				if valid := value != "no-such-value"; valid != (err == nil) {
					t.Errorf("%s: %v\n%s", command, err, out)
				}
			}
		}
	}
	if tested < 30 {
		t.Errorf("only %d values", tested)
	}
}
