package parity

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// The implementations of WASI that the example for Node has.
var nodeKinds = []string{"node", "minimal"}

// nodeExample returns the program and a file of the example for Node.
func nodeExample(tb testing.TB, file string) (node, path string) {
	tb.Helper()
	node = needtest.Program(tb, "node") // version 20 or later
	path, err := filepath.Abs(filepath.Join("..", "..", "examples", "node", file))
	if err != nil {
		tb.Fatal(err)
	}
	return node, path
}

// moduleFile writes the reactor to a file.
func moduleFile(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "reactor.wasm")
	if err := os.WriteFile(path, modules.Reactor(tb), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func TestNodeExample(t *testing.T) {
	node, example := nodeExample(t, "example.mjs")
	module := moduleFile(t)
	const want = "200 ci\n403 insufficient_scope\n403 insufficient_scope\n401 unknown\n401 malformed\n401 missing\n" +
		"200 ci\n200 ci\n401 malformed\n401 malformed\n"
	for _, kind := range nodeKinds {
		t.Run(kind, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), node, "--no-warnings", example, module, kind).Output()
			if err != nil || string(out) != want {
				t.Errorf("%q, %v, want %q", out, err, want)
			}
		})
	}
}

// TestNodeAccept: the JavaScript host takes the lists that the core takes, and no others.
func TestNodeAccept(t *testing.T) {
	node, verifier := nodeExample(t, "verifier.mjs")
	lists := []string{
		"bearer", "basic", " basic ,\tbearer", "header:X-API-Key", "bearer,header:x_key", "header:a,header:b,header:c,header:d", "header:" + strings.Repeat("a", 64),
		"", ",", "bearer,", "bearer,bearer", "Bearer", "digest", "header:", "header", "Header:a", "header:a b", "header:a,header:A", "bearer basic",
		"header:Authorization", "header:Proxy-Authorization", "header:proxy_authorization", "header:Host", "header:Cookie", "header:x.y", "header:a:b",
		"header:X-Auth-Scope", "header:X-Auth-Request-User", "header:X_Auth-Request_Key", "header:X-Forwarded-For", "header:X-Original-URI", "header:x-request-id",
		"header:X-API-\u212aey", "header:" + strings.Repeat("a", 65), "header:a,header:b,header:c,header:d,header:e",
	}
	script := `const { Verifier } = await import(process.argv[1]);
		for (const accept of JSON.parse(process.argv[2])) {
			try { new Verifier({ exports: { abi_version: () => 1, accept: () => 0 } }, { accept }); console.log("taken"); }
			catch { console.log("refused"); }
		}`
	encoded, err := json.Marshal(lists)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), node, "--no-warnings", "--input-type=module", "--eval", script, verifier, string(encoded)).Output()
	answers := strings.Fields(string(out))
	if err != nil || len(answers) != len(lists) {
		t.Fatalf("%q, %v", out, err)
	}
	for i, list := range lists {
		want := "taken"
		if _, err := core.ParseAccept(list); err != nil {
			want = "refused"
		}
		if answers[i] != want {
			t.Errorf("%q is %s, and the core has it %s", list, answers[i], want)
		}
	}
}

// TestNodeText: a character of a keyring is not taken for another, nor is one that no
// field can have.
func TestNodeText(t *testing.T) {
	node, verifier := nodeExample(t, "verifier.mjs")
	_, wasi := nodeExample(t, "wasi.mjs")
	out, err := exec.CommandContext(t.Context(), node, "--no-warnings", filepath.Join("testdata", "text.mjs"), verifier, wasi, moduleFile(t)).Output()
	if want := "200\n401\n401\n401\n403\n"; err != nil || string(out) != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
}

// nodeCase is a line for testdata/node.mjs; bytes are in base64.
type nodeCase struct {
	Configuration string      `json:"configuration"`
	Keyring       []byte      `json:"keyring"`
	Accept        string      `json:"accept"`
	Fields        [][2][]byte `json:"fields"` // names and values
	Scopes        [][]byte    `json:"scopes"`
	Now           string      `json:"now"`
}

// nodeSubject answers vectors by a process of Node.
func nodeSubject(t *testing.T, kind string) vectors.Subject {
	t.Helper()
	node, verifier := nodeExample(t, "verifier.mjs")
	_, wasi := nodeExample(t, "wasi.mjs")
	cmd := exec.CommandContext(t.Context(), node, "--no-warnings", filepath.Join("testdata", "node.mjs"), verifier, wasi, moduleFile(t), kind)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // the test's context may have ended it
	})
	answers := bufio.NewReader(out)
	return vectors.Subject{Build: vectors.Reactor, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		c := nodeCase{v.Configuration, v.Keyring, cmp.Or(v.Accept, "bearer"), nil, [][]byte{}, strconv.FormatInt(v.Now, 10)}
		for _, field := range hosttest.RequestFields(v) {
			c.Fields = append(c.Fields, [2][]byte{[]byte(field[0]), []byte(field[1])})
		}
		for _, scope := range v.Scopes {
			c.Scopes = append(c.Scopes, []byte(scope))
		}
		if err := json.NewEncoder(in).Encode(c); err != nil {
			return o, err
		}
		line, err := answers.ReadBytes('\n')
		if err != nil {
			return o, err
		}
		var answer struct {
			vectors.Outcome
			Calls int `json:"calls"`
		}
		if err := json.Unmarshal(line, &answer); err != nil {
			return o, err
		}
		o = answer.Outcome
		hosttest.Tell(v, &o)
		switch {
		case answer.Calls != 0:
			err = fmt.Errorf("%d calls of WASI", answer.Calls)
		case o.Status != 200 && o.Reason != v.Expect.Reason:
			err = fmt.Errorf("reason %s, want %s", o.Reason, v.Expect.Reason)
		}
		return o, err
	}}
}

func TestNodeParity(t *testing.T) {
	r := newReport()
	for _, kind := range nodeKinds {
		r.run(t, "reactor/node-"+kind, nodeSubject(t, kind), nil)
	}
	r.finish(t)
}
