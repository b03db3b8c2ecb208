package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestVerifyOnATerminal: the token is asked for, and not shown while it is typed.
func TestVerifyOnATerminal(t *testing.T) {
	t.Parallel()
	keyring := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.KeyringLine("ci", tokentest.Good))
	askedOnATerminal(t, "", "granted: ci ", "token", "verify", "-k", keyring)
}

// TestVerifyLeavesNoToken scans the memory of token verify when it has decided and
// cannot write that yet.
func TestVerifyLeavesNoToken(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's shadow memory is not the program's")
	}
	t.Parallel()
	for name, c := range map[string]struct{ before, after, want string }{
		"granted":      {"", "\n", "granted: ci "},
		"forbidden":    {"", "", "denied: insufficient_scope: "},
		"quoted":       {`"`, `"`, "denied: unknown"},
		"field":        {"Authorization: Bearer ", "\r\n", "denied: unknown"},
		"lines":        {"", "\nnext\n", "denied: malformed"},
		"long":         {strings.Repeat("a", 30_000), "\n", "denied: unknown"},
		"unconfigured": {"", "\n", "denied: unconfigured"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, single := newSecret(t), newSecret(t)
			dir := t.TempDir()
			from, to, length := fullPipe(t)
			input, err := os.Open(tokentest.WriteFile(t, filepath.Join(dir, "input"), c.before+token+c.after))
			if err != nil {
				t.Fatal(err)
			}
			defer input.Close()
			// The warning about the variable says that the token has been read.
			s := newService(t, "AUTH_SERVICE_NOTHING=1", "A=1")
			s.Args = append(s.Args, "token", "verify")
			if name != "unconfigured" {
				s.Env = append(s.Env, "AUTH_SERVICE_TOKEN="+single,
					"AUTH_SERVICE_KEYRING="+tokentest.WriteFile(t, filepath.Join(dir, "keyring"), tokentest.KeyringLine("ci", token, "scope=a")))
			}
			if name == "forbidden" {
				s.Args = append(s.Args, "--scope=b")
			}
			s.Stdin, s.Stdout = input, to
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Process.Kill(); _ = s.Wait() })
			s.await(t, "AUTH_SERVICE_NOTHING is not a setting")
			if hits, where := scan(t, s.Process.Pid, token, single); hits > 0 {
				t.Errorf("%d windows of a token in %q", hits, where)
			}
			out := make([]byte, length+1000)
			n := 0
			for n <= length {
				more, err := from.Read(out[n:])
				if err != nil {
					t.Fatal(err)
				}
				n += more
			}
			if got := string(out[length:n]); !strings.HasPrefix(got, c.want) {
				t.Errorf("it prints %q, want %q", got, c.want)
			}
			if strings.Contains(s.log.String(), token[:windowSize]) {
				t.Error("the token is on standard error")
			}
		})
	}
}
