package container_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/doctest"
)

// checkTokenCommand edits a keyring as compose.yaml's service token does.
func checkTokenCommand(t *testing.T, e *engine, image string) {
	t.Helper()
	compose := read(t, "compose.yaml")
	_, service, _ := strings.Cut(compose, "\n  token:\n")
	service, _, _ = strings.Cut(service, "\n\n")
	for _, want := range []string{
		"entrypoint: [/auth-service, token]\n", "AUTH_SERVICE_KEYRING: /etc/auth-service/keyring\n", "- ./tokens:/etc/auth-service\n",
		"network_mode: none\n", "read_only: true\n", "cap_drop: [ALL]\n", "no-new-privileges:true",
	} {
		if !strings.Contains(service+"\n", want) {
			t.Errorf("compose.yaml's service token lacks %q", want)
		}
	}
	tokens := folder(t, true)
	token := func(volume string, arguments ...string) (string, error) {
		return e.pod(t.Context(), slices.Concat([]string{
			"run", "--rm", "--pull=never", "--network=none", "--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096", "--health-interval=disable",
			"--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges",
			"--env=AUTH_SERVICE_KEYRING=/etc/auth-service/keyring", "--volume=" + volume,
			`--entrypoint=["/auth-service", "token"]`, image,
		}, arguments)...)
	}
	made, err := token(tokens+":/etc/auth-service", "new", "--principal=grafana")
	if err != nil || doctest.Token.FindString(made)+"\n" != made {
		t.Fatalf("token new prints %q (%v)", made, err)
	}
	if listed, err := token(tokens+":/etc/auth-service", "list"); err != nil || !strings.Contains(listed, "\ngrafana ") {
		t.Errorf("token list prints %q (%v)", listed, err)
	}
	info, err := os.Stat(filepath.Join(tokens, "keyring"))
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("the keyring is %v (%v)", info, err)
	}
	// What the page says about a file that is mounted on its own.
	out, err := token(filepath.Join(tokens, "keyring")+":/etc/auth-service/keyring", "new", "--principal=ci")
	if err == nil || out != "" || !strings.Contains(err.Error(), "/etc/auth-service/keyring: ") {
		t.Errorf("a file that is mounted on its own was replaced: %q (%v)", out, err)
	}
}

// TestCommands runs the commands of the page. In docker's place, a program does what
// compose.yaml says: it edits the keyring in the folder tokens.
func TestCommands(t *testing.T) {
	t.Parallel()
	commands := doctest.Commands(t, "README.md", "From nothing to a protected location")
	more := doctest.Commands(t, "README.md", "What to know")
	if len(commands) != 4 || len(more) != 1 {
		t.Fatalf("the page has %d and %d blocks of commands", len(commands), len(more))
	}
	doctest.Both(t, func(t *testing.T, s *doctest.Shell) {
		s.Program(t, "sudo", `exec true "$@"`)
		s.Program(t, "docker", `case "$*" in
"compose build") ;;
"compose up --detach --wait")
	LISTEN=tcp://$ADDRESS AUTH_SERVICE_KEYRING=tokens/keyring auth-service >/dev/null 2>&1 &
	for look in 1 2 3 4 5 6 7 8 9; do
		LISTEN=tcp://$ADDRESS AUTH_SERVICE_KEYRING=tokens/keyring auth-service healthcheck --ready && exit
		sleep 1
	done
	exit 1
	;;
"compose run --rm -T token "*)
	shift 4
	AUTH_SERVICE_KEYRING=tokens/keyring exec auth-service "$@"
	;;
*) exit 9 ;;
esac
`)
		address := "127.0.0.1:" + proxytest.Port(t)
		s.Environment = []string{"ADDRESS=" + address}
		try := strings.ReplaceAll(commands[3], "http://localhost:8080/", "http://"+address+"/auth")
		output := s.Run(t, commands[0], commands[1], commands[2], try, more[0])
		first, second := strings.Index(output, "HTTP/1.1 401 "), strings.Index(output, "HTTP/1.1 200 ")
		if first < 0 || second < first {
			t.Errorf("the requests without and with the token are not answered 401 and 200:\n%s", output)
		}
		if keyring := read(t, filepath.Join(s.Dir, "tokens", "keyring")); keyring != "" {
			t.Errorf("the keyring has %q, though all tokens were revoked", keyring)
		}
		if token := doctest.Token.FindString(output); token != "" {
			t.Errorf("a token is shown: %s", token)
		}
	})
}

// TestContext: the build gets what the Dockerfile copies, and so not the keyring.
func TestContext(t *testing.T) {
	t.Parallel()
	var copied, kept []string
	build, _ := stages(t)
	for line := range strings.Lines(build) {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "COPY" {
			copied = append(copied, words[1:len(words)-1]...)
		}
	}
	lines := strings.Fields(read(t, "Dockerfile.dockerignore"))
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, "!"); ok {
			kept = append(kept, name)
		}
	}
	slices.Sort(copied)
	if !slices.Contains(lines, "*") || !slices.Equal(copied, kept) {
		t.Errorf("the Dockerfile copies %q, and the build gets %q", copied, kept)
	}
}
