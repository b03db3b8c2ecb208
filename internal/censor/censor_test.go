package censor

import (
	"strings"
	"testing"
)

// TestCensor: what looks like a token is not shown, and everything else is.
func TestCensor(t *testing.T) {
	t.Parallel()
	c := New([]string{"serve", "--keyring=some long passphrase with many words in it", "/etc/auth-service/a-path-of-more-than-32-characters"})
	long := strings.Repeat("x", shortestSecret)
	for text, want := range map[string]string{
		"open /etc/auth-service/a-path-of-more-than-32-characters: permission denied": "",
		"open /srv/..data-" + long + "/" + long + "/keyring: no such file":            "",
		"open relative/path/of/more/than-32/characters: no such file or directory":    "",
		"MIN_AUTH_SERVICE_TOKEN_LEN: \"many\" is not a whole number":                  "",
		"AUTH_SERVICE_KEYRING: keyring:12: the principal is not 1 to 64":              "",
		"unexpected argument " + long:                                                 "unexpected argument " + NotShown,
		"open " + long + ": no such file":                                             "open " + NotShown + ": no such file",
		"\"" + long + "\" is not a number":                                            "\"" + NotShown + "\" is not a number",
		"open some long passphrase with many words in it: no":                         "open " + NotShown + ": no",
		"dial tcp: lookup " + long + ".internal: no":                                  "dial tcp: lookup " + NotShown + ": no",
		"open " + strings.Repeat("ab/+", 8) + "=: no":                                 "open " + NotShown + ": no",
		"\"tcp://" + long + ":80\" is none of":                                        "\"tcp://" + NotShown + "\" is none of",
		strings.Repeat("x", shortestSecret-1):                                         "",
		strings.Repeat("\u00fc", shortestSecret):                                      NotShown,
	} {
		if want == "" {
			want = text
		}
		if got := c.Clean(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// FuzzClean: a text without a long word has nothing that looks like a token, so Clean
// need not look for it.
func FuzzClean(f *testing.F) {
	short := strings.Repeat("x", shortestSecret-1)
	for _, separator := range []string{" ", "\n", "\t", "\f", "\r", "\v", "\u00a0", "\"", "://", "/", "x"} {
		f.Add(short + separator + short)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := (*Censor)(nil).Clean(text), withoutTokens(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	})
}
