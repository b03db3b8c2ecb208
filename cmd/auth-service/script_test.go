package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the commands as a user does.
func TestScripts(t *testing.T) {
	t.Parallel()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(path)+string(os.PathListSeparator)+env.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"goodtoken": goodTokenCommand,
			"json":      jsonCommand,
			"status":    statusCommand,
		},
	})
}

// statusCommand checks the exit status of a program: status NUMBER PROGRAM
// [ARGUMENT…].
func statusCommand(ts *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) < 2 {
		ts.Fatalf("usage: status NUMBER PROGRAM [ARGUMENT...]")
	}
	status := 0
	if err := ts.Exec(arguments[1], arguments[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		status = exit.ExitCode()
	}
	if got := strconv.Itoa(status); got != arguments[0] {
		ts.Fatalf("exit status %s, want %s", got, arguments[0])
	}
}

// goodTokenCommand holds the token that is all of an output, or its first line, against
// the form that is documented, and its keyring line against the token: goodtoken OUTPUT
// [FILE [KEYRING]]. The line is the second one of OUTPUT, or in KEYRING. The token is
// written to FILE.
func goodTokenCommand(ts *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) < 1 || len(arguments) > 3 {
		ts.Fatalf("usage: goodtoken OUTPUT [FILE [KEYRING]]")
	}
	token, line, _ := strings.Cut(ts.ReadFile(arguments[0]), "\n")
	if len(arguments) == 3 {
		if line != "" {
			ts.Fatalf("%q is printed beside the token", line)
		}
		line = ts.ReadFile(arguments[2])
	} else if strings.Count(line, "\n") != 1 {
		ts.Fatalf("the line is %q", line)
	}
	parts := regexp.MustCompile(`^(as_[0-9A-Za-z]{43})([0-9A-Za-z]{6})$`).FindStringSubmatch(token)
	if parts == nil {
		ts.Fatalf("the token %q", token)
	}
	// math/big has the digits in the other order of case.
	sum := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, big.NewInt(int64(crc32.ChecksumIEEE([]byte(parts[1])))).Text(62))
	if want := strings.Repeat("0", 6-len(sum)) + sum; parts[2] != want {
		ts.Fatalf("the checksum of %s is %s, want %s", token, parts[2], want)
	}
	digest := sha256.Sum256([]byte(token))
	if strings.Count(line, " sha256:"+hex.EncodeToString(digest[:])+" ") != 1 {
		ts.Fatalf("the line %q is not of the token %s", line, token)
	}
	if len(arguments) > 1 {
		ts.Check(os.WriteFile(ts.MkAbs(arguments[1]), []byte(token), 0o600))
	}
}

// jsonCommand checks that an output is one JSON object with the named keys and
// no others, and writes the value of the first to a file: json OUTPUT FILE
// KEY….
func jsonCommand(ts *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) < 3 {
		ts.Fatalf("usage: json OUTPUT FILE KEY...")
	}
	var object map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(arguments[0])), &object))
	keys := arguments[2:]
	for _, key := range keys {
		if _, ok := object[key]; !ok {
			ts.Fatalf("no %s in %v", key, object)
		}
	}
	if len(object) != len(keys) {
		ts.Fatalf("%v, want %v", object, keys)
	}
	value, ok := object[keys[0]].(string)
	if !ok {
		ts.Fatalf("%s is %v", keys[0], object[keys[0]])
	}
	ts.Check(os.WriteFile(ts.MkAbs(arguments[1]), []byte(value), 0o600))
}
