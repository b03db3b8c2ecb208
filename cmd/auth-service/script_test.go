package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
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
		},
	})
}

// goodTokenCommand holds what token new has written to the named output against the
// form that is documented: goodtoken OUTPUT [FILE]. The token is written to
// FILE.
func goodTokenCommand(ts *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) < 1 || len(arguments) > 2 {
		ts.Fatalf("usage: goodtoken OUTPUT [FILE]")
	}
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile(arguments[0]), "\n"), "\n")
	if len(lines) != 2 {
		ts.Fatalf("%d lines", len(lines))
	}
	token := lines[0]
	parts := regexp.MustCompile(`^(as_[A-Za-z0-9_-]{43})([0-9A-Za-z]{6})$`).FindStringSubmatch(token)
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
	if credential := " sha256:" + hex.EncodeToString(digest[:]); !strings.Contains(lines[1]+" ", credential+" ") {
		ts.Fatalf("the line %q is not of the token %s", lines[1], token)
	}
	if len(arguments) == 2 {
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
