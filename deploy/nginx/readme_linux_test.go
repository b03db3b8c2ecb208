package nginx_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/doctest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

// awaitStatus is for the shell: the function await waits until a request with a token
// gets a status.
const awaitStatus = `
status() { curl -s -o out -w '%%{http_code}' -H "Authorization: Bearer $1" "http://%[1]s$2"; }
await() {
	for look in {1..200}; do
		[ "$(status "$1" "$2")" = "$3" ] && return
		sleep 0.1
	done
	echo "$2 is answered with status $(status "$1" "$2"), want $3"
	return 1
}
`

// TestREADMECommands runs the README from nothing to two protected locations, a rotated
// and a revoked token. Only nginx runs before, and the README says which file to save.
func TestREADMECommands(t *testing.T) {
	const page = "../../README.md"
	nginx := needtest.Program(t, "nginx")
	needtest.Program(t, "curl")
	first := doctest.Commands(t, page, "A protected location in nginx")
	second := doctest.Commands(t, page, "Two locations, two tokens")
	third := doctest.Commands(t, page, "Rotate and revoke")
	if len(first) != 4 || len(second) != 2 || len(third) != 1 {
		t.Fatalf("the README has %d, %d and %d blocks of commands", len(first), len(second), len(third))
	}
	configurations := readmeConfigurations(t)
	doctest.Both(t, func(t *testing.T, s *doctest.Shell) {
		t.Parallel()
		backend := proxytest.StartBackend(t)
		port, servicePort, otherPort := proxytest.Port(t), proxytest.Port(t), proxytest.Port(t)
		address := "127.0.0.1:" + port
		here := strings.NewReplacer("localhost:8080", address)
		sites := filepath.Join(s.Dir, "conf.d")
		if err := os.Mkdir(sites, 0o700); err != nil {
			t.Fatal(err)
		}
		// What a package brings: nginx runs and serves something else.
		proxytest.WriteFile(t, filepath.Join(sites, "default.conf"), "server { listen 127.0.0.1:"+otherPort+"; return 404; }\n")
		configuration := mainConfiguration(t, s.Dir, "root", sites+"/*.conf")
		s.Program(t, "nginx", fmt.Sprintf("exec %s -p %[2]s -e stderr -c %s \"$@\"\n", nginx, s.Dir, configuration))
		proxytest.Start(t, "127.0.0.1:"+otherPort, nil, nginx, "-p", s.Dir, "-e", "stderr", "-c", configuration)
		save := func(i int) string {
			ready := proxytest.Config(t, t.TempDir(), configurations[i],
				"127.0.0.1:8000", backend.Address, "127.0.0.1:8081", "127.0.0.1:"+servicePort,
				"listen 8080 ", "listen "+address+" ", "listen [::]:8080 default_server;", "")
			return "cp " + ready + " " + filepath.Join(sites, "protected.conf")
		}
		s.Environment = []string{"PORT=" + servicePort}
		output := here.Replace(s.Run(t,
			fmt.Sprintf(awaitStatus, address),
			first[0], first[1],
			save(0), first[2], `await "$TOKEN" / 200; ALICE=$TOKEN`, here.Replace(first[3]),
			second[0],
			save(1), "nginx -s reload", `await "$ALICE" /metrics 403; await "$TOKEN" /metrics 200; await "$CI_TOKEN" /deploy/ 200`,
			here.Replace(second[1]),
			third[0],
			`await "$NEW_TOKEN" /metrics 200; await "$TOKEN" /metrics 200; await "$CI_TOKEN" /deploy/ 401; await "$ALICE" /metrics 403`,
			// What the README says of --grace.
			`LAST_TOKEN=$(auth-service token rotate -k keyring grafana --grace 0)`,
			`await "$LAST_TOKEN" /metrics 200; await "$NEW_TOKEN" /metrics 401; await "$TOKEN" /metrics 401`,
			`auth-service token revoke -k keyring --all; await "$LAST_TOKEN" /metrics 500`,
		))
		checkREADMEOutput(t, slices.Concat(first, second, third), output)
	})
}

// checkREADMEOutput holds the statuses in the output to what the comments behind the
// commands say, and the list to what is left.
func checkREADMEOutput(t *testing.T, commands []string, output string) {
	t.Helper()
	var want, got []string
	for _, m := range regexp.MustCompile(`(?m)^curl .* # (.*)$`).FindAllStringSubmatch(strings.Join(commands, ""), -1) {
		want = append(want, strings.ReplaceAll(m[1], "the backend's answer", "200"))
	}
	for _, m := range regexp.MustCompile(`(?m)^HTTP/1\.1 ([0-9]+)`).FindAllStringSubmatch(output, -1) {
		got = append(got, m[1])
	}
	if !slices.Equal(got, want) || len(want) != 4 {
		t.Errorf("the answers have the statuses %q, and the README says %q", got, want)
	}
	listed := regexp.MustCompile(`(?m)^(alice|grafana|ci) +[0-9a-f]{8} .* (never|in 7 days) .*active$`).FindAllStringSubmatch(output, -1)
	var left []string
	for _, m := range listed {
		left = append(left, m[1]+" "+m[2])
	}
	if !slices.Equal(left, []string{"alice never", "grafana in 7 days", "grafana never"}) {
		t.Errorf("token list shows %q", left)
	}
	if token := doctest.Token.FindString(output); token != "" {
		t.Errorf("a token is shown: %s", token)
	}
	if t.Failed() {
		t.Log(output)
	}
}
