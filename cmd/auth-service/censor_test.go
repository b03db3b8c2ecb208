package main

import (
	"encoding/base64"
	"strings"
	"syscall"
	"testing"
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
	settings := append([]string{minLengthVariable}, variables...)
	flags := []string{
		"token-file", "keyring", "min-token-length", "host", "port", "listen", "admin-listen", "log-level", "log-format",
		"head-timeout", "idle-timeout", "drain-timeout", "max-connections",
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
			for _, variable := range settings {
				quiet(variable, []string{variable + "=" + token}, []string{"check"})
			}
			for _, flag := range flags {
				quiet("--"+flag, nil, []string{"check", "--" + flag, token})
				quiet("--"+flag+"=", nil, []string{"check", "--" + flag + "=" + token})
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
		if log := s.log.String(); strings.Contains(log, token) || !strings.Contains(log, notShown) {
			t.Errorf("%s", log)
		}
	}
}

func TestCensor(t *testing.T) {
	t.Parallel()
	c := newCensor([]string{"serve", "--keyring=some long passphrase with many words in it", "/etc/auth-service/a-path-of-more-than-32-characters"})
	long := strings.Repeat("x", shortestSecret)
	for text, want := range map[string]string{
		"open /etc/auth-service/a-path-of-more-than-32-characters: permission denied": "",
		"open /srv/..data-" + long + "/" + long + "/keyring: no such file":            "",
		"open relative/path/of/more/than-32/characters: no such file or directory":    "",
		"MIN_AUTH_SERVICE_TOKEN_LEN: \"many\" is not a whole number":                  "",
		"AUTH_SERVICE_KEYRING: keyring:12: the principal is not 1 to 64":              "",
		"unexpected argument " + long:                                                 "unexpected argument " + notShown,
		"open " + long + ": no such file":                                             "open " + notShown + ": no such file",
		"\"" + long + "\" is not a number":                                            "\"" + notShown + "\" is not a number",
		"open some long passphrase with many words in it: no":                         "open " + notShown + ": no",
		"dial tcp: lookup " + long + ".internal: no":                                  "dial tcp: lookup " + notShown + ": no",
		"open " + strings.Repeat("ab/+", 8) + "=: no":                                 "open " + notShown + ": no",
		"\"tcp://" + long + ":80\" is none of":                                        "\"tcp://" + notShown + "\" is none of",
		strings.Repeat("x", shortestSecret-1):                                         "",
		strings.Repeat("\u00fc", shortestSecret):                                      notShown,
	} {
		if want == "" {
			want = text
		}
		if got := c.clean(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
