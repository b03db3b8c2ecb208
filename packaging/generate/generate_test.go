package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/needtest"
)

func loaded(t *testing.T) *program {
	t.Helper()
	p, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestModel reads a model that has one of each.
func TestModel(t *testing.T) {
	t.Parallel()
	var line struct {
		Serve struct {
			Port   string   `env:"PORT" default:"8081" help:"Port (${default})."`
			File   string   `env:"A_FILE" placeholder:"PATH" help:"It's a \\file."`
			List   []string `help:"Several."`
			Switch bool     `help:"On."`
			Hidden string   `hidden:"" help:"Not shown."`
		} `cmd:"" help:"Serve."`
		Key struct {
			New struct{} `cmd:"" help:"Make a key."`
			Old struct{} `cmd:"" hidden:"" help:"Not shown."`
		} `cmd:"" help:"Keys."`
	}
	parser, err := kong.New(&line, kong.Name("p"), kong.Description("It does things.\n\nWell."))
	if err != nil {
		t.Fatal(err)
	}
	p := programOf(parser.Model, []cli.Variable{{Name: "SECRET", Help: "It's secret."}, {Name: "PORT", Flag: "port"}})
	if got := strings.Join(p.description, "|"); got != "It does things.|Well." {
		t.Errorf("description %q", got)
	}
	want := []option{
		{short: "h", long: "help", help: "Show context-sensitive help."},
		{long: "port", value: "8081", help: "Port (8081)."},
		{long: "file", value: "PATH", help: `It's a \file.`},
		{long: "list", value: "LIST,...", help: "Several."},
		{long: "switch", help: "On."},
	}
	if got := p.find("serve").options; !slices.Equal(got, want) {
		t.Errorf("options %+v", got)
	}
	if c := p.find("key new"); c == nil || c.summary != "Make a key." || len(c.options) != 1 {
		t.Errorf("key new is %+v", c)
	}
	if len(p.commands) != 2 {
		t.Errorf("commands %+v", p.commands)
	}
	page := p.manual("1", time.Unix(0, 0))
	for _, text := range []string{`It\(aqs a \efile.`, ".B SECRET\nIt\\(aqs secret.\n", ".B PORT\nThe same as \\fB\\-\\-port\\fR.\n"} {
		if !bytes.Contains(page, []byte(text)) {
			t.Errorf("the page lacks %q", text)
		}
	}
}

// TestComplete: whatever the model has is in the page and the completions.
func TestComplete(t *testing.T) {
	t.Parallel()
	p := loaded(t)
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
		}
	}
	for _, v := range p.variables {
		if !strings.Contains(texts["manual"], ".B "+v.Name+"\n") {
			t.Errorf("the manual lacks %s", v.Name)
		}
	}
	if len(p.variables) < 14 {
		t.Errorf("only %d variables", len(p.variables))
	}
}

// TestPages: groff has nothing to say against the pages, and shows what they say.
func TestPages(t *testing.T) {
	t.Parallel()
	groff := needtest.Program(t, "groff")
	at := time.Unix(0, 0).UTC()
	for name, page := range map[string]struct {
		text []byte
		want string
	}{
		"auth-service.8": {
			loaded(t).manual("1.2.3", at),
			"--keyring= AUTH_SERVICE_TOKEN 1970-01-01 1.2.3 [serve] [principal|keyid TOKEN=$(auth-service auth-service-keyring(5)",
		},
		"auth-service-keyring.5": {loaded(t).keyringPage("1.2.3", at), "expires=TIME 1970-01-01 1.2.3 TOKEN=$(auth-service auth-service(8)"},
	} {
		format := exec.CommandContext(t.Context(), groff, "-man", "-ww", "-Tascii", "-P-c")
		format.Stdin = bytes.NewReader(page.text)
		var warnings bytes.Buffer
		format.Stderr = &warnings
		out, err := format.Output()
		if err != nil || warnings.Len() > 0 {
			t.Errorf("%s: %v\n%s", name, err, &warnings)
		}
		for want := range strings.FieldsSeq(page.want) {
			if !bytes.Contains(stripOverstrikes(out), []byte(want)) {
				t.Errorf("%s lacks %q:\n%s", name, want, out)
			}
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

// TestGenerate: the same files, whenever they are written.
func TestGenerate(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0).UTC()
	first, second := t.TempDir(), t.TempDir()
	for _, dir := range []string{first, second} {
		if err := generate(dir, "1.2.3", at); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"auth-service.8", "auth-service.8.gz", "auth-service-keyring.5", "auth-service-keyring.5.gz", "completions/auth-service.bash", "completions/auth-service.zsh", "completions/auth-service.fish"} {
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
