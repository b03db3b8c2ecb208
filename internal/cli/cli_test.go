package cli

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// parserOf returns a parser whose help goes to out.
func parserOf(t *testing.T, out *strings.Builder) *Parser {
	t.Helper()
	var errs strings.Builder
	p, err := New(out, &errs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if errs.Len() > 0 {
			t.Errorf("%s", errs.String())
		}
	})
	return p
}

// TestVariables: each variable of a flag is known, and so is each that errors name.
func TestVariables(t *testing.T) {
	t.Parallel()
	var names []string
	for _, v := range parserOf(t, new(strings.Builder)).Variables() {
		names = append(names, v.Name)
		if v.Help == "" || v.Secret != (v.Flag == "") {
			t.Errorf("%+v", v)
		}
	}
	for _, name := range flagsOf(reflect.TypeFor[Serve]()) {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not known", name)
		}
	}
	for _, name := range []string{TokenVariable, TokenFileVariable, KeyringVariable, MinLengthVariable, ListenVariable, AdminListenVariable, MaxConnectionsVariable, hostVariable, portVariable} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not known", name)
		}
	}
	if len(names) != len(slices.Compact(slices.Sorted(slices.Values(names)))) {
		t.Errorf("%v has one twice", names)
	}
}

// TestHelpHasEveryVariable and every flag, with no command named and with serve.
func TestHelpHasEveryVariable(t *testing.T) {
	t.Parallel()
	documented := []string{TokenVariable}
	for flag, variable := range flagsOf(reflect.TypeFor[Serve]()) {
		documented = append(documented, "--"+flag)
		if variable != "" {
			documented = append(documented, "$"+variable)
		}
	}
	if len(documented) < 25 {
		t.Fatalf("only %d flags and variables are known: %v", len(documented), documented)
	}
	for _, arguments := range [][]string{{"--help"}, {"serve", "--help"}} {
		var out strings.Builder
		_, command, err := parserOf(t, &out).Parse(arguments)
		if command != "" || err != nil {
			t.Errorf("%v: command %q, %v", arguments, command, err)
		}
		for _, name := range documented {
			if name == TokenVariable && arguments[0] == "serve" {
				continue // it has no flag
			}
			if !regexp.MustCompile(regexp.QuoteMeta(name) + `\b`).MatchString(out.String()) {
				t.Errorf("%v does not mention %s", arguments, name)
			}
		}
	}
}

// flagsOf returns the flags of a command, with their variables.
func flagsOf(command reflect.Type) map[string]string {
	flags := map[string]string{}
	for i := range command.NumField() {
		field := command.Field(i)
		if field.Anonymous {
			for flag, variable := range flagsOf(field.Type) {
				flags[flag] = variable
			}
			continue
		}
		name := regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(field.Name, "$1-$2")
		flags[strings.ToLower(name)] = field.Tag.Get("env")
	}
	return flags
}

// TestParse: a command's words, and what counts as none.
func TestParse(t *testing.T) {
	t.Setenv("PORT", "")
	t.Setenv("HOST", "192.0.2.1")
	for arguments, want := range map[string]string{
		"": "serve", "serve": "serve", "--port=1": "serve", "check": "check", "token new": "token new",
		"token hash": "token hash", "token list": "token list", "token list ci": "token list", "token revoke ci 0a1b2c3d": "token revoke",
		"token rotate ci": "token rotate", "complete keys": "complete", "healthcheck": "healthcheck", "version": "version",
		"--version": "version", "-v": "version", "serve -v": "version",
	} {
		line, command, err := parserOf(t, new(strings.Builder)).Parse(strings.Fields(arguments))
		if err != nil || command != want {
			t.Errorf("%q: %q, %v", arguments, command, err)
		}
		if arguments == "" && (line.Serve.Port != "8081" || line.Serve.Host != "192.0.2.1") {
			t.Errorf("%+v", line.Serve)
		}
	}
	for arguments, want := range map[string]string{
		"nonsense":        `"nonsense" is not a command; use serve, check, token, healthcheck, version or help`,
		"sevre":           `"sevre" is not a command; did you mean serve?`,
		"token":           "token needs a command: new, add, list, revoke, rotate, verify or hash",
		"token -k x":      "token needs a command: new, add, list, revoke, rotate, verify or hash",
		"token rovoke":    `"token rovoke" is not a command; did you mean token revoke?`,
		"token create":    `"token create" is not a command; use new, add, list, revoke, rotate, verify or hash`,
		"--nonsense":      "unknown flag --nonsense",
		"--prot=1":        `unknown flag --prot, did you mean "--port"?`,
		"complete tokens": `<what> must be one of "principals","keys" but got "tokens"`,
		"-x":              "unknown flag -x",
		"serve -k":        "--keyring needs a value",
		"version serve":   "unexpected argument serve",
		"help nonsense":   `"nonsense" is not a command; use serve, check, token, healthcheck, version or help`,
		"help token nwe":  `"token nwe" is not a command; did you mean token new?`,
		"help token nope": `"token nope" is not a command; use new, add, list, revoke, rotate, verify or hash`,
	} {
		var out strings.Builder
		if _, command, err := parserOf(t, &out).Parse(strings.Fields(arguments)); err == nil || err.Error() != want || out.Len() > 0 {
			t.Errorf("%q: %q, %v, want %s", arguments, command, err, want)
		}
	}
}

// TestHelp: help prints what --help prints.
func TestHelp(t *testing.T) {
	t.Parallel()
	for ask, like := range map[string]string{
		"help": "--help", "-h": "--help", "help serve": "serve --help", "help token": "token --help", "token -h": "token --help",
		"help token new": "token new --help", "serve -h --help": "serve -h", "help --help": "--help",
	} {
		var outs [2]strings.Builder
		for i, arguments := range []string{ask, like} {
			if _, command, err := parserOf(t, &outs[i]).Parse(strings.Fields(arguments)); command != "" || err != nil {
				t.Errorf("%q: %q, %v", arguments, command, err)
			}
		}
		if outs[0].String() != outs[1].String() || outs[0].Len() == 0 {
			t.Errorf("%q prints %q, want %q", ask, outs[0].String(), outs[1].String())
		}
	}
}

// TestFromEnvironment: without arguments, the environment says the same as it says to
// the parser, and each variable of the parser is known.
func TestFromEnvironment(t *testing.T) {
	p := parserOf(t, new(strings.Builder))
	names := map[string]bool{}
	for flag := range environmentFlags(new(CommandLine)) {
		names[flag.variable] = true
	}
	for _, v := range p.Variables() {
		if names[v.Name] == v.Secret {
			t.Errorf("%s is known: %v", v.Name, names[v.Name])
		}
	}
	if len(names)+1 != len(p.Variables()) {
		t.Errorf("%d variables are known, want %d", len(names), len(p.Variables())-1)
	}
	for _, value := range []string{"", "x", "a value, 'with' \"quotes\" = and ${PORT} --port=1\n", "-", "--help"} {
		for name := range names {
			t.Setenv(name, value)
		}
		given := Values([]string{"one"})
		if len(given) != len(names)+1 || given[0] != "one" || given[1] != value {
			t.Errorf("%q: the process was given %q", value, given)
		}
		got := FromEnvironment()
		want, command, err := parserOf(t, new(strings.Builder)).Parse(nil)
		if err != nil || command != "serve" || got.Serve != want.Serve || !maps.Equal(got.Given, want.Given) {
			t.Errorf("%q: %+v\nwant %+v, %s, %v", value, got.Serve, want.Serve, command, err)
		}
	}
}
