package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/needtest"
)

// TestExamples runs the examples of each page, one after the other.
func TestExamples(t *testing.T) {
	t.Parallel()
	needtest.Program(t, "sh")
	for name, examples := range map[string][]example{"auth-service.8": manualExamples, "auth-service-keyring.5": keyringExamples} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := completionHome(t)
			var script strings.Builder
			for _, e := range examples {
				if strings.HasSuffix(e.commands, " auth-service") {
					script.WriteString(e.commands + " & service=$!; trap 'kill $service' EXIT\n")
					script.WriteString("looks=0; until HOST=127.0.0.1 auth-service healthcheck; do looks=$((looks + 1)); [ $looks -lt 100 ]; sleep 0.1; done\n")
					continue
				}
				script.WriteString(e.commands + "\n")
			}
			command := completionCommand(t, home, "sh", "-euc", script.String())
			command.Env = append(slices.DeleteFunc(command.Env, func(v string) bool { return strings.HasPrefix(v, "AUTH_SERVICE_KEYRING=") }), "PORT="+freePort(t))
			if out, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s\n%s", err, script.String(), out)
			}
			text, err := os.ReadFile(filepath.Join(home, "keyring"))
			if err != nil {
				t.Fatal(err)
			}
			entries, err := core.ParseKeyringFile(text)
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, e := range entries {
				left = append(left, e.Principal+" "+strings.Join(e.Scopes, ","))
			}
			want := []string{"grafana "}
			if strings.HasSuffix(name, ".5") {
				want = []string{"grafana metrics", "grafana metrics", "ci deploy"}
			}
			if !slices.Equal(left, want) {
				t.Errorf("the keyring has %q, want %q", left, want)
			}
		})
	}
}

// TestExitStatuses: the page says what each status means, and the program ends with it.
func TestExitStatuses(t *testing.T) {
	t.Parallel()
	home := completionHome(t)
	page := string(loaded(t).manual("1.2.3", time.Unix(0, 0).UTC()))
	for arguments, want := range map[string]int{
		"version":                           0,
		"token list -k keys/1":              0,
		"healthcheck --port=" + freePort(t): 1,
		"token verify -k keys/1":            1,
		"token revoke -k keys/1 nobody":     1,
		"token rotate -k keys/1 nobody":     1,
		"check -k keys":                     2,
		"token new --scope=a\"b":            2,
		"--log-level=x":                     2,
		"nonsense":                          2,
	} {
		command := completionCommand(t, home, filepath.Join(home, "bin", "auth-service"), strings.Fields(arguments)...)
		command.Stdin = strings.NewReader("a-token-that-nobody-has-0123456789-abcdef")
		out, err := command.CombinedOutput()
		if got := command.ProcessState.ExitCode(); got != want {
			t.Errorf("%s: exit status %d, want %d (%v)\n%s", arguments, got, want, err, out)
		}
		if !strings.Contains(page, fmt.Sprintf(".TP\n.B %d\n", want)) {
			t.Errorf("the page does not explain the exit status %d", want)
		}
		_, statuses, _ := strings.Cut(page, ".SH EXIT STATUS\n")
		statuses, _, _ = strings.Cut(statuses, ".SH ")
		_, one, _ := strings.Cut(statuses, ".B 1\n")
		words, _, _ := strings.Cut(arguments, " -")
		if want == 1 && !strings.Contains(one, ".B "+words+"\n") {
			t.Errorf("the page does not say when %s ends with 1", words)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
