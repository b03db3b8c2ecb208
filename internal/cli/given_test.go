package cli

import (
	"strings"
	"testing"
)

// TestGiven: an error names what was used, the flag or the variable, also where both
// say the same. An empty flag takes back what the variable says.
func TestGiven(t *testing.T) {
	t.Setenv("LISTEN", "tcp://:1")
	t.Setenv("PORT", " \r\n")
	t.Setenv("AUTH_SERVICE_KEYRING", "\tone\r")
	for arguments, want := range map[string]struct{ listen, listenName, keyring, keyringName string }{
		"serve":                     {"tcp://:1", "LISTEN", "one", "AUTH_SERVICE_KEYRING"},
		"--listen|tcp://:1":         {"tcp://:1", "--listen", "one", "AUTH_SERVICE_KEYRING"},
		"serve|--listen= tcp://:2 ": {"tcp://:2", "--listen", "one", "AUTH_SERVICE_KEYRING"},
		"--listen=":                 {"", "LISTEN", "one", "AUTH_SERVICE_KEYRING"},
		"--listen| \r|-k|":          {"", "LISTEN", "", "AUTH_SERVICE_KEYRING"},
		"serve|-k|two\r":            {"tcp://:1", "LISTEN", "two", "--keyring"},
		"-ktwo":                     {"tcp://:1", "LISTEN", "two", "--keyring"},
		"serve|--keyring|two|--listen|x|--listen| y": {"y", "--listen", "two", "--keyring"},
	} {
		line, command, err := parserOf(t, new(strings.Builder)).Parse(strings.Split(arguments, "|"))
		if err != nil || command != "serve" {
			t.Errorf("%q: %s, %v", arguments, command, err)
			continue
		}
		given := line.Given
		if line.Serve.Listen != want.listen || given.Name(ListenVariable) != want.listenName ||
			line.Serve.Keyring != want.keyring || given.Name(KeyringVariable) != want.keyringName {
			t.Errorf("%q: %+v, %v", arguments, line.Serve, given)
		}
		if given.Has("PORT") || line.Serve.Port != "8081" || given.Name("PORT") != "PORT" {
			t.Errorf("%q: the port %q is set: %v", arguments, line.Serve.Port, given)
		}
	}

	// The commands that edit a keyring know the name as well.
	line, command, err := parserOf(t, new(strings.Builder)).Parse([]string{"token", "revoke", "-k", " two ", "ci"})
	if err != nil || command != "token revoke" || line.Token.Revoke.Keyring != "two" || line.Given.Name(KeyringVariable) != "--keyring" {
		t.Errorf("%q, %v, %+v, %v", command, err, line.Token.Revoke, line.Given)
	}
}

// TestNamedInErrors: an error of each setting of serve names what was used.
func TestNamedInErrors(t *testing.T) {
	wrong := map[string]string{
		"HOST": "*", "PORT": "x", "LISTEN": "x", "ADMIN_LISTEN": "x", "LOG_LEVEL": "x", "LOG_FORMAT": "x", "HEAD_TIMEOUT": "x",
		"IDLE_TIMEOUT": "x", "DRAIN_TIMEOUT": "x", "ACCEPT": "x", "REALM": "\"", "IDENTITY": "x", "MAX_CONNECTIONS": "x",
		"MAX_HEADER_BYTES": "x", "MIN_AUTH_SERVICE_TOKEN_LEN": "x",
	}
	for _, v := range parserOf(t, new(strings.Builder)).Variables() {
		value, set := wrong[v.Name]
		if !set {
			if v.Name != TokenVariable && v.Name != TokenFileVariable && v.Name != KeyringVariable {
				t.Errorf("%s is not tried", v.Name)
			}
			continue
		}
		line, _, err := parserOf(t, new(strings.Builder)).Parse([]string{"--" + v.Flag, value})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := settingsOf(line); err == nil || !strings.HasPrefix(err.Error(), "--"+v.Flag+": ") {
			t.Errorf("--%s: %v", v.Flag, err)
		}
		t.Run(v.Name, func(t *testing.T) {
			t.Setenv(v.Name, value)
			for _, arguments := range [][]string{{}, {"check"}} {
				line, command, err := parserOf(t, new(strings.Builder)).Parse(arguments)
				if err != nil {
					t.Fatal(err)
				}
				flags := &line.Serve.SettingFlags
				if command == "check" {
					flags = &line.Check.SettingFlags
				}
				if _, err := flags.Settings(line.Given); err == nil || !strings.HasPrefix(err.Error(), v.Name+": ") {
					t.Errorf("%s: %v", v.Name, err)
				}
			}
		})
	}
}

// TestOverridden: who sets HOST or PORT as well as LISTEN learns that LISTEN counts.
func TestOverridden(t *testing.T) {
	for arguments, want := range map[string]string{
		"--listen=systemd":                              "",
		"--port=8081":                                   "",
		"--listen=systemd --port=8081":                  "--listen is set, so --port has no effect; unset one of them",
		"--listen=systemd --host=0.0.0.0 --port=8081":   "--listen is set, so --host and --port have no effect; unset one or the others",
		"check --listen=systemd --host=0.0.0.0 --port=": "--listen is set, so --host has no effect; unset one of them",
	} {
		line, command, err := parserOf(t, new(strings.Builder)).Parse(strings.Fields(arguments))
		if err != nil {
			t.Errorf("%q: %v", arguments, err)
			continue
		}
		flags := &line.Serve.ListenFlags
		if command == "check" {
			flags = &line.Check.ListenFlags
		}
		if got := flags.Overridden(line.Given); got != want {
			t.Errorf("%q: %q, want %q", arguments, got, want)
		}
	}
	t.Setenv("LISTEN", "systemd")
	t.Setenv("HOST", "0.0.0.0")
	t.Setenv("PORT", " ")
	line := FromEnvironment()
	if got := line.Serve.Overridden(line.Given); got != "LISTEN is set, so HOST has no effect; unset one of them" {
		t.Errorf("%q", got)
	}
}
