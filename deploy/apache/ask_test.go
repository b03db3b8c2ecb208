package apache_test

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// program is ask.pl as httpd runs it.
type program struct {
	in  io.Writer
	out *bufio.Reader
}

func startProgram(t *testing.T, address string) *program {
	t.Helper()
	command := exec.Command(needtest.Program(t, "perl"), "ask.pl", address)
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("ask.pl: %v", err)
		}
	})
	return &program{in, bufio.NewReader(out)}
}

// expect writes a line and checks the one that comes back.
func (p *program) expect(t *testing.T, line, want string) {
	t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
	got, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if got != want+"\n" {
		t.Errorf("%q is answered %q, want %q", line, got, want)
	}
}

func TestProgram(t *testing.T) {
	t.Parallel()
	service := proxytest.StartService(t, proxytest.KeyringVariable(t))
	p := startProgram(t, service.Address)
	const both = "/auth?scope=metrics&scope=deploy"
	verdicts := func() {
		t.Helper()
		p.expect(t, "/auth 192.0.2.1 GET a 1 / Bearer "+proxytest.Metrics, "200 grafana  ")
		p.expect(t, both+" 192.0.2.1 GET a 1 /deploy/ Bearer "+proxytest.Deploy, "200 ci  ")
		p.expect(t, both+" ::1 GET a:80 1 /deploy/ Bearer "+proxytest.Metrics, `403 Bearer error="insufficient_scope", scope="metrics deploy"`)
		p.expect(t, "/auth 192.0.2.1 GET a 1 / ", "401 Bearer")
		p.expect(t, "/auth 192.0.2.1 GET a 1 / Bearer "+proxytest.Stranger, "401 Bearer")
	}
	verdicts()
	for _, line := range []string{
		"", " ", "   ", "/auth", "/auth 192.0.2.1 GET a 1 /", "/auth 192.0.2.1 / Bearer " + proxytest.Metrics, "/ 192.0.2.1 GET a 1 / Bearer " + proxytest.Metrics,
		"/health 192.0.2.1 GET a 1 / Bearer " + proxytest.Metrics,
		"/auth 192.0.2.1 GET a 1 / Bearer " + proxytest.Metrics + "\r",
		"/auth 192.0.2.1 GET a 1 / x\r\tAuthorization: Bearer " + proxytest.Metrics,
		"/auth 192.0.2.1 GET a 1 / Bearer \x00" + proxytest.Metrics,
		"/auth 192.0.2.1 GET a 1 / " + strings.Repeat("x", 1<<20),
		"/auth?scope=a&&b 192.0.2.1 GET a 1 / Bearer " + proxytest.Metrics,
	} {
		p.expect(t, line, "500 -")
		p.expect(t, "/auth 192.0.2.1 GET a 1 / Bearer "+proxytest.Metrics, "200 grafana  ")
	}
	for range 3 {
		service.Kill(t)
		p.expect(t, "/auth 192.0.2.1 GET a 1 / Bearer "+proxytest.Metrics, "500 -")
		service.Again(t)
		verdicts()
		service.Kill(t)
		service.Again(t) // this time, a connection that was closed is not noticed before
		verdicts()
	}
}

// TestProgramWithoutBearer: Basic cannot say that a scope is lacking, and a field of its
// own has no challenge at all.
func TestProgramWithoutBearer(t *testing.T) {
	t.Parallel()
	service := proxytest.StartService(t, proxytest.KeyringVariable(t), "ACCEPT=basic")
	p := startProgram(t, service.Address)
	_, basic, _ := strings.Cut(proxytest.Basic("me", proxytest.Metrics), ": ")
	p.expect(t, "/auth?scope=metrics 192.0.2.1 GET a 1 / "+basic, "200 grafana  ")
	p.expect(t, "/auth?scope=deploy 192.0.2.1 GET a 1 / "+basic, "403 ")
	p.expect(t, "/auth 192.0.2.1 GET a 1 / ", "401 "+proxytest.BasicChallenge)
}

// TestProgramTellsTheWholeIdentity: each part has its place, whatever the token has.
func TestProgramTellsTheWholeIdentity(t *testing.T) {
	t.Parallel()
	const longest = "p@+:/.-_" + "0123456789012345678901234567890123456789" + "0123456789012345678901234567890123456789" + "0123456789012345678901234567890123456789"
	text := tokentest.KeyringLine("grafana", proxytest.Metrics, "scope=b,a:${x}%{y}") + tokentest.KeyringLine(longest, proxytest.Deploy)
	keyring := proxytest.WriteFile(t, t.TempDir()+"/keyring", text)
	service := proxytest.StartService(t, proxytest.TokenVariable, "AUTH_SERVICE_KEYRING="+keyring, proxytest.WholeVariable)
	p := startProgram(t, service.Address)
	key := func(line string) string { return strings.TrimPrefix(strings.Fields(line)[1], "sha256:")[:8] }
	lines := strings.Split(text, "\n")
	p.expect(t, "/auth 192.0.2.1 GET a 1 / Bearer "+proxytest.Metrics, "200 grafana "+key(lines[0])+" b a:${x}%{y}")
	p.expect(t, "/auth 192.0.2.1 GET a 1 / Bearer "+proxytest.Deploy, "200 "+longest+" "+key(lines[1])+" ")
	p.expect(t, "/auth 192.0.2.1 GET a 1 / Bearer "+proxytest.Token, "200 default - *")
}
