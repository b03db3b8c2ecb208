package main

import (
	"encoding/base64"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/concrete-security/auth-service/internal/censor"
	"github.com/concrete-security/auth-service/internal/cli"
)

// tokenForms are tokens as people have them.
func tokenForms() map[string]string {
	return map[string]string{
		"made here":  "as_Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyA0b1C2d3E",
		"hex":        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"base64":     base64.StdEncoding.EncodeToString([]byte("\xff\xfe\xfd token of thirty-two bytes")),
		"words":      "correct horse battery staple and more",
		"assignment": "TOKEN=0123456789abcdef0123456789abcdef",
		"quoted":     `"0123456789abcdef0123456789abcdef"`,
		"wide":       "schl\u00fcssel-mit-\u00fcmlauten-und-noch-mehr",
		"commas":     "0123456789abcdef,0123456789abcdef,0123456789abcdef",
		"url":        "0123456789abcdef0123456789abcdef@host:8081",
	}
}

// TestNoTokenIsQuoted: a token that is pasted in the wrong place, whichever place
// that is, appears neither in errors nor in the log.
func TestNoTokenIsQuoted(t *testing.T) {
	t.Parallel()
	parser, err := cli.New(io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	variables := parser.Variables()
	if len(variables) < 14 {
		t.Fatalf("only %d variables are known", len(variables))
	}
	for form, token := range tokenForms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			quiet := func(name string, environment, arguments []string) {
				t.Helper()
				s := newService(t, environment...)
				s.Args = append(s.Args, arguments...)
				if got := s.exitStatus(t); got != exitFailure && got != exitConfiguration {
					t.Errorf("%s: exit status %d", name, got)
				}
				said := s.log.String()
				for _, secret := range []string{token, strings.Trim(token, `"`), strings.ReplaceAll(token, ",", "")} {
					if strings.Contains(said, secret) {
						t.Errorf("%s: %s", name, said)
					}
				}
				if said == "" {
					t.Errorf("%s: it says nothing", name)
				}
			}
			for _, v := range variables {
				if v.Secret {
					continue // it may hold a token
				}
				quiet(v.Name, []string{v.Name + "=" + token}, []string{"check"})
				quiet("--"+v.Flag, nil, []string{"check", "--" + v.Flag, token})
				quiet("--"+v.Flag+"=", nil, []string{"check", "--" + v.Flag + "=" + token})
			}
			for _, arguments := range [][]string{
				{token},
				{"--" + token},
				{"--" + token + "=x"},
				{"-" + token},
				{"check", token},
				{"serve", token},
				{"version", token},
				{"token", token},
				{"token", "new", token},
				{"token", "hash", token},
				{"healthcheck", token},
				{"healthcheck", "--host", token},
				{"healthcheck", "--listen", token},
				{"healthcheck", "--port", token},
				{"token", "new", "--expires", token},
				{"token", "new", "--scope", token + " \"", "--principal", token + "!"},
				{"token", "new", "--principal", token + "!"},
				{"token", "hash", "--" + token},
				{"check", "--listen", "tcp://" + token},
				{"serve", "--host", token},
				{"serve", "--host", token + ":1"},
				{"serve", "--host", "http://" + token},
				{"check", "--listen", "tcp://" + token + ":1"},
				{"check", "--listen", "tcp://localhost:" + token},
				{"check", "--listen", "unix:///run/a?" + token + "=1"},
				{"check", "--json", "--listen", token},
				{"check", "--json", "--keyring", token},
				{"healthcheck", "--ready", "--admin-listen", token},
				{"help", token},
				{"help", "token", token},
			} {
				quiet(strings.Join(arguments, " "), []string{"PORT=0"}, arguments)
			}
		})
	}
}

// TestNoTokenIsLogged: nor does the running service log it, which takes the token
// for the path of a file that does not exist yet.
func TestNoTokenIsLogged(t *testing.T) {
	t.Parallel()
	const token = "as_Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyA0b1C2d3E"
	for _, format := range []string{"text", "json"} {
		s := startService(t, "AUTH_SERVICE_TOKEN_FILE="+token, "AUTH_SERVICE_KEYRING="+token, "LOG_FORMAT="+format, "LOG_LEVEL=DEBUG")
		s.await(t, "as soon as it exists")
		if err := s.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.await(t, "reload failed")
		if log := s.log.String(); strings.Contains(log, token) || !strings.Contains(log, censor.NotShown) {
			t.Errorf("%s", log)
		}
	}
}
