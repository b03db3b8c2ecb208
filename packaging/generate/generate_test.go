package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// loaded is the program of the tree, built once.
var loaded = sync.OnceValues(func() (*program, error) { return load(context.Background()) })

func programOf(t *testing.T) *program {
	t.Helper()
	p, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// need finds a program that a test runs. A gate that lacks it has a hole.
func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}

const help = `Usage: p <command>

It does things.

Flags:
  -h, --help    Show help.

Commands:
  serve         Serve.
  key new       Make a key.

Run "p <command> --help" for more information on a command.
`

const serveHelp = `Usage: p serve [flags]

Serve.

Flags:
  -h, --help            Show help.

      --port="8081"     Port (8081) ($PORT).
      --file=PATH       It's a \file ($A_FILE).
      --[no-]colour     Colour.
`

// TestHelp reads a help that holds one of each.
func TestHelp(t *testing.T) {
	t.Parallel()
	read := func(serve string) (*program, error) {
		return read(func(arguments ...string) (string, error) {
			switch strings.Join(arguments, " ") {
			case "":
				return help, nil
			case "serve":
				return serve, nil
			}
			return "Usage: p key new\n\nFlags:\n  -h, --help    Show help.\n", nil
		})
	}
	p, err := read(strings.Replace(serveHelp, "      --[no-]colour     Colour.\n", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.description, "|"); got != "It does things." {
		t.Errorf("description %q", got)
	}
	want := []option{
		{short: "h", long: "help", help: "Show help."},
		{long: "port", value: "8081", help: "Port (8081).", variable: "PORT"},
		{long: "file", value: "PATH", help: `It's a \file.`, variable: "A_FILE"},
	}
	if got := p.find("serve").options; !slices.Equal(got, want) {
		t.Errorf("options %+v", got)
	}
	if p.find("key new").summary != "Make a key." || len(p.find("key new").options) != 1 {
		t.Errorf("key new is %+v", p.find("key new"))
	}
	if !bytes.Contains(p.manual("1", time.Unix(0, 0)), []byte(`It\(aqs a \efile.`)) {
		t.Error("the page does not escape the text")
	}
	// What it does not understand it does not leave out.
	if _, err := read(serveHelp); err == nil || !strings.Contains(err.Error(), "colour") {
		t.Errorf("a flag of unknown form: %v", err)
	}
}

// TestComplete: whatever --help names is in the page and the completions.
func TestComplete(t *testing.T) {
	t.Parallel()
	p := programOf(t)
	for _, name := range []string{"serve", "check", "token new", "token hash", "version"} {
		if p.find(name) == nil {
			t.Errorf("no command %s", name)
		}
	}
	texts := map[string]string{
		"manual": strings.ReplaceAll(string(p.manual("1.2.3", time.Unix(0, 0).UTC())), `\-`, "-"),
		"bash":   string(p.bash()), "zsh": string(p.zsh()), "fish": string(p.fish()),
	}
	for _, c := range p.commands {
		if len(c.options) == 0 {
			t.Errorf("%s has no options", c.name())
		}
		for _, o := range c.options {
			for kind, text := range texts {
				word := "--" + o.long
				if kind == "fish" {
					word = " -l " + o.long
				}
				if !strings.Contains(text, word) {
					t.Errorf("%s lacks %s", kind, word)
				}
			}
			if !strings.Contains(texts["manual"], o.variable) {
				t.Errorf("the manual lacks %s", o.variable)
			}
		}
	}
	for _, variable := range []string{"AUTH_SERVICE_TOKEN_FILE", "AUTH_SERVICE_KEYRING", "MIN_AUTH_SERVICE_TOKEN_LEN", "PORT", "LOG_LEVEL"} {
		if !strings.Contains(texts["manual"], ".B "+variable+"\n") {
			t.Errorf("the manual lacks %s", variable)
		}
	}
}

func TestManual(t *testing.T) {
	t.Parallel()
	groff := need(t, "groff")
	page := programOf(t).manual("1.2.3", time.Unix(0, 0).UTC())
	format := exec.CommandContext(t.Context(), groff, "-man", "-ww", "-Tascii", "-P-c")
	format.Stdin = bytes.NewReader(page)
	var warnings bytes.Buffer
	format.Stderr = &warnings
	out, err := format.Output()
	if err != nil || warnings.Len() > 0 {
		t.Errorf("%v\n%s", err, &warnings)
	}
	for _, want := range []string{"--keyring=", "AUTH_SERVICE_TOKEN", "1970-01-01", "1.2.3", "[serve]"} {
		if !strings.Contains(string(out), want) && !bytes.Contains(stripOverstrikes(out), []byte(want)) {
			t.Errorf("the page lacks %q:\n%s", want, out)
		}
	}
}

// stripOverstrikes undoes how a terminal of old made bold and underlined text.
func stripOverstrikes(text []byte) []byte {
	var plain []byte
	for _, c := range text {
		if c == '\b' {
			plain = plain[:len(plain)-1]
			continue
		}
		plain = append(plain, c)
	}
	return plain
}

// TestBash completes command lines in bash.
func TestBash(t *testing.T) {
	t.Parallel()
	bash := need(t, "bash")
	script := string(programOf(t).bash())
	for _, c := range []struct {
		words string // the last is being completed
		want  []string
	}{
		{"auth-service v", []string{"version"}},
		{"auth-service token ''", []string{"new", "hash"}},
		{"auth-service --keyr", []string{"--keyring"}},
		{"auth-service check --token-f", []string{"--token-file"}},
		{"auth-service token new --j", []string{"--json"}},
		{"auth-service token hash --j", nil},
		{"auth-service --log-level ''", nil},
		{"auth-service --port 80 che", []string{"check"}},
		{"auth-service --port = 80 che", []string{"check"}},
		{"auth-service --keyring = ke", []string{"keyring.txt"}},
		{"auth-service --keyring ke", []string{"keyring.txt"}},
		{"auth-service nonsense -", nil},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "keyring.txt"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), bash, "--norc", "-c", script+
			"\nCOMP_WORDS=("+c.words+"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _auth_service; printf '%s\\n' \"${COMPREPLY[@]}\"")
		command.Dir = dir
		out, err := command.CombinedOutput()
		if got := strings.Fields(string(out)); err != nil || !slices.Equal(got, c.want) && len(got)+len(c.want) > 0 {
			t.Errorf("%s: %q, want %q (%v)", c.words, got, c.want, err)
		}
	}
}

func TestFish(t *testing.T) {
	t.Parallel()
	fish := need(t, "fish")
	script := string(programOf(t).fish())
	for line, want := range map[string][]string{
		"auth-service v":              {"version"},
		"auth-service token ":         {"hash", "new"},
		"auth-service --keyr":         {"--keyring"},
		"auth-service token new --js": {"--json"},
		"auth-service version --ke":   nil,
	} {
		command := exec.CommandContext(t.Context(), fish, "--no-config", "--command", script+"\ncomplete --do-complete '"+line+"'")
		command.Dir = t.TempDir()
		command.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := command.CombinedOutput()
		var got []string
		for candidate := range strings.Lines(string(out)) {
			name, _, _ := strings.Cut(strings.TrimSpace(candidate), "\t")
			got = append(got, name)
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%s: %q, want %q (%v)", line, got, want, err)
		}
	}
}

func TestZsh(t *testing.T) {
	t.Parallel()
	zsh := need(t, "zsh")
	path := filepath.Join(t.TempDir(), "_auth-service")
	if err := os.WriteFile(path, programOf(t).zsh(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), zsh, "-f", "-n", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestGenerate: the same files, whenever they are written.
func TestGenerate(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0).UTC()
	first, second := t.TempDir(), t.TempDir()
	for _, dir := range []string{first, second} {
		if err := generate(t.Context(), dir, "1.2.3", at); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"auth-service.8", "auth-service.8.gz", "completions/auth-service.bash", "completions/auth-service.zsh", "completions/auth-service.fish"} {
		one, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, other) {
			t.Errorf("%s differs", name)
		}
		if filepath.Ext(name) == ".gz" {
			r, err := gzip.NewReader(bytes.NewReader(one))
			if err != nil {
				t.Fatal(err)
			}
			if page, err := io.ReadAll(r); err != nil || !bytes.HasPrefix(page, []byte(".TH AUTH")) {
				t.Errorf("%s holds no page (%v)", name, err)
			}
		}
	}
	if err := setTimes(first, at); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(first, "completions/auth-service.zsh")); err != nil || !info.ModTime().Equal(at) {
		t.Errorf("the time is %v (%v)", info.ModTime(), err)
	}
}
