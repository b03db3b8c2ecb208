package listen

import (
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/setting"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]Endpoint{
		"tcp://127.0.0.1:8081":           {{Network: "tcp4", Address: "127.0.0.1:8081"}},
		"tcp://127.0.0.1:08081":          {{Network: "tcp4", Address: "127.0.0.1:8081"}},
		"tcp://[::1]:8081":               {{Network: "tcp", Address: "[::1]:8081"}},
		"tcp://[fe80::1%25eth0]:8081":    {{Network: "tcp", Address: "[fe80::1%eth0]:8081"}},
		"tcp://[fe80::1%eth0]:8081":      {{Network: "tcp", Address: "[fe80::1%eth0]:8081"}},
		"tcp://:8081":                    {{Network: "tcp", Address: ":8081"}},
		"tcp://localhost:0":              {{Network: "tcp", Address: "localhost:0"}},
		"unix:///run/a.sock":             {{Network: "unix", Address: "/run/a.sock", Mode: 0o660}},
		"unix:///run/x/../a.sock?mode=0": {{Network: "unix", Address: "/run/a.sock"}},
		"unix:///a%20b?mode=0600":        {{Network: "unix", Address: "/a b", Mode: 0o600}},
		"unix:///a@b?mode=777":           {{Network: "unix", Address: "/a@b", Mode: 0o777}},
		"systemd":                        {{Network: "systemd"}},
		"systemd, unix:///a ,tcp://:0\r,tcp://:0": {
			{Network: "systemd"},
			{Network: "unix", Address: "/a", Mode: 0o660},
			{Network: "tcp", Address: ":0"},
			{Network: "tcp", Address: ":0"},
		},
	} {
		if got, err := Parse("LISTEN", list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v", list, got, err, want)
		}
	}
}

// TestParseErrors: each mistake is named by its part, with what to write instead.
func TestParseErrors(t *testing.T) {
	t.Parallel()
	for item, want := range map[string]string{
		// Schemes.
		"udp://localhost:1":   `unknown scheme "udp"; use tcp:// or unix://`,
		"http://localhost:1":  `unknown scheme "http"; use tcp:// or unix://`,
		"://localhost:1":      `unknown scheme ""; use tcp:// or unix://`,
		"TCP://localhost:1":   "the scheme is in upper case; write tcp://",
		"Unix:///run/a":       "the scheme is in upper case; write unix://",
		"Systemd":             "write systemd in lower case",
		"systemd:":            "systemd takes nothing after it; write systemd",
		"systemd:auth.socket": "systemd takes nothing after it; write systemd",
		"tcp:localhost:1":     "two slashes belong after the colon; write tcp://localhost:1",
		"unix:/run/a":         "two slashes belong after the colon; write unix:///run/a",
		"unix:a":              "two slashes belong after the colon; write unix:///a",
		"localhost:8081":      "an address needs a scheme; write tcp://localhost:8081",
		"127.0.0.1:1":         "an address needs a scheme; write tcp://127.0.0.1:1",
		"[::1]:1":             "an address needs a scheme; write tcp://[::1]:1",
		":1":                  "an address needs a scheme; write tcp://:1",
		"8081":                "a port needs a scheme; write tcp://:8081",
		"/run/x.sock":         "a path needs a scheme; write unix:///run/x.sock",
		"run/x.sock":          "unknown form; use tcp://HOST:PORT, or unix:// and a path that starts with a slash",
		"localhost":           "unknown form; use tcp://HOST:PORT, unix:///PATH?mode=0660 or systemd",
		"::1":                 "unknown form; use tcp://HOST:PORT, unix:///PATH?mode=0660 or systemd",
		// TCP.
		"tcp://":                      "the port is missing; write tcp://:8081",
		"tcp://:":                     "the port is missing; write tcp://:8081",
		"tcp://localhost":             "the port is missing; write tcp://localhost:8081",
		"tcp://localhost:":            "the port is missing; write tcp://localhost:8081",
		"tcp://[::1]":                 "the port is missing; write tcp://[::1]:8081",
		"tcp://localhost:http":        `the port "http" is not a whole number from 0 to 65535`,
		"tcp://localhost:65536":       `the port "65536" is not a whole number from 0 to 65535`,
		"tcp://localhost:-1":          `the port "-1" is not a whole number from 0 to 65535`,
		"tcp://localhost:+1":          `the port "+1" is not a whole number from 0 to 65535`,
		"tcp://localhost:1/":          "a TCP address has no path; write tcp://localhost:1",
		"tcp://localhost:1/auth":      "a TCP address has no path; write tcp://localhost:1",
		"tcp://localhost:1?mode=0660": "a TCP address takes no parameters; write tcp://localhost:1",
		"tcp://localhost:1#x":         "unexpected #; remove it and what follows, or write %23 for a # in a path",
		"tcp://::1:1":                 "an IPv6 address needs brackets; write tcp://[::1]:1",
		"tcp://::":                    "an IPv6 address needs brackets; write tcp://[::]:8081",
		"tcp://fe80::1":               "an IPv6 address needs brackets; write tcp://[fe80::1]:8081",
		"tcp://[::1:1":                "the closing bracket is missing; write tcp://[::1]:8081",
		"tcp://[::g]:1":               `the host "::g" is not an IPv6 address; write one such as ::1`,
		"tcp://*:1":                   `the host "*" is not an address; write 0.0.0.0 for every IPv4 address, or :: for IPv6 as well`,
		"tcp://a..b:1":                `the host "a..b" has a dot too many; write one dot between two parts of a name`,
		// Unix sockets.
		"unix://":                       "the path is missing; write unix:///run/auth-service/auth.sock",
		"unix:///":                      "the path is missing; write unix:///run/auth-service/auth.sock",
		"unix://?mode=0660":             "the path is missing; write unix:///run/auth-service/auth.sock",
		"unix://a":                      "a socket has no host, and its path starts with a slash; write unix:///a",
		"unix://./a":                    "a socket has no host, and its path starts with a slash; write unix:///./a",
		"unix://host/a":                 "a socket has no host, and its path starts with a slash; write unix:///host/a",
		"unix:///a%zz":                  "a % in the path does not begin an escape; write %25 for it",
		"unix:///a%00":                  "the path has a NUL byte in it; remove %00",
		"unix:///a#b":                   "unexpected #; remove it and what follows, or write %23 for a # in a path",
		"unix:///run/a?perm=0660":       `unknown parameter "perm"; use mode=0660`,
		"unix:///a?MODE=0660":           `unknown parameter "MODE"; use mode=0660`,
		"unix:///a?mode=0660&owner=x":   `unknown parameter "owner"; use mode=0660`,
		"unix:///a?0660":                `unknown parameter "0660"; use mode=0660`,
		"unix:///a?mode=0666&mode=0600": "mode is there twice; remove one of the two",
		"unix:///a?mode=rw":             `the mode "rw" is not an octal number from 0 to 0777; use mode=0660`,
		"unix:///a?mode=9":              `the mode "9" is not an octal number from 0 to 0777; use mode=0660`,
		"unix:///a?mode=":               `the mode "" is not an octal number from 0 to 0777; use mode=0660`,
		"unix:///a?mode=01777":          `the mode "01777" is not an octal number from 0 to 0777; use mode=0660`,
		"unix:///a?mode=-1":             `the mode "-1" is not an octal number from 0 to 0777; use mode=0660`,
	} {
		for _, list := range []string{item, "tcp://198.51.100.1:1, " + item + " ,unix:///other"} {
			got, err := Parse("LISTEN", list)
			if text := "LISTEN: " + item + ": " + want; err == nil || err.Error() != text || !setting.Lasts(err) {
				t.Errorf("%q: %v, %v, want %s", list, got, err, text)
			}
		}
	}
}

// TestParseListErrors: what is wrong with a list, and how an element is shown.
func TestParseListErrors(t *testing.T) {
	t.Parallel()
	const empty = "--listen: an element of the list is empty; remove the comma before or after it"
	for list, want := range map[string]string{
		"":                                empty,
		",":                               empty,
		"tcp://localhost:1,":              empty,
		"tcp://localhost:1, ,systemd":     empty,
		"systemd,systemd":                 "--listen: systemd: this is in the list already; remove one of the two",
		"unix:///a,unix:///b/../a":        "--listen: unix:///b/../a: this is in the list already; remove one of the two",
		"tcp://:1,tcp://:1":               "--listen: tcp://:1: this is in the list already; remove one of the two",
		"tcp://me:secret@localhost:1":     "--listen: tcp://…@localhost:1: an address has no user; write tcp://localhost:1",
		"https://me:secret@localhost:1":   `--listen: https://…@localhost:1: unknown scheme "https"; use tcp:// or unix://`,
		"unix:///a b?x":                   `--listen: "unix:///a b?x": unknown parameter "x"; use mode=0660`,
		"tcp://a\nb:1":                    `--listen: "tcp://a\nb:1": the host "a\nb" has '\n' in it, which no host name has`,
		"tcp://localhost:1,tcp://local:x": `--listen: tcp://local:x: the port "x" is not a whole number from 0 to 65535`,
	} {
		if got, err := Parse("--listen", list); err == nil || err.Error() != want || !setting.Lasts(err) {
			t.Errorf("%q: %v, %v, want %s", list, got, err, want)
		}
	}
}

// TestHost: an address or a name is taken, with brackets or without; all else is
// refused in words that say what to write.
func TestHost(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"::1": "::1", "[::1]": "::1", "[::]": "::", "0.0.0.0": "0.0.0.0", "localhost": "localhost", "localhost.": "localhost.",
		"a-b_c.example.com": "a-b_c.example.com", "10.example": "10.example", "fe80::1%eth0": "fe80::1%eth0", "[fe80::1%eth0]": "fe80::1%eth0",
		"::ffff:127.0.0.1": "::ffff:127.0.0.1", strings.Repeat("a", 63): strings.Repeat("a", 63),
	} {
		if got, err := Host(text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"[::":                          "lacks the closing bracket; write ::",
		"[::1":                         "lacks the closing bracket; write ::1",
		"::1]":                         "has a bracket at its end alone; write it without brackets",
		"[::1]x":                       "has text after the bracket; write the address alone, such as ::1",
		"[127.0.0.1]":                  "is not an IPv6 address; only these have brackets",
		"[::1%lo]":                     "has a zone, which only link-local addresses have; write ::1",
		"::1%lo":                       "has a zone, which only link-local addresses have; write ::1",
		"fe80::1":                      "is a link-local address, which needs a zone; write fe80::1%eth0, with the name of the interface",
		"[fe80::1]":                    "is a link-local address, which needs a zone; write fe80::1%eth0, with the name of the interface",
		"[::g]":                        "is not an IPv6 address; write one such as ::1",
		"1:2:3":                        "is not an IPv6 address; write one such as ::1",
		"host:8081":                    "has a port; write host, and the port as PORT",
		"[::1]:8081":                   "has a port; write ::1, and the port as PORT",
		":8081":                        "has a port; write 0.0.0.0 for every address, and the port as PORT",
		"http://x":                     "is a URL; write a host name or an address, without http://, such as x",
		"http://x:1/y":                 "is a URL; write a host name or an address, without http://, such as x",
		"tcp://":                       "is a URL; write a host name or an address, without tcp://",
		"/run/a.sock":                  "is a path; write a host name or an address here, or set LISTEN=unix:///PATH",
		"*":                            "is not an address; write 0.0.0.0 for every IPv4 address, or :: for IPv6 as well",
		"*.example.com":                "has '*' in it, which no host name has",
		"two words":                    "has ' ' in it, which no host name has",
		"b\u00fccher.example":          "has '\u00fc' in it, which no host name has",
		"a..b":                         "has a dot too many; write one dot between two parts of a name",
		".a":                           "has a dot too many; write one dot between two parts of a name",
		".":                            "has a dot too many; write one dot between two parts of a name",
		"256.1.1.1":                    "is not an IPv4 address; write four numbers from 0 to 255, such as 127.0.0.1",
		"127.1":                        "is not an IPv4 address; write four numbers from 0 to 255, such as 127.0.0.1",
		"8081":                         "is not an IPv4 address; write four numbers from 0 to 255, such as 127.0.0.1",
		strings.Repeat("a", 64):        "has a part of more than 63 characters, which no host name has",
		strings.Repeat("abcdefg.", 32): "the name has 256 characters; a host name has at most 253",
	} {
		_, err := Host(text)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestLongPartsAreNotQuoted: a token that was pasted in the place of a part is not in
// what an error says of the part. What it says before is cleaned by others.
func TestLongPartsAreNotQuoted(t *testing.T) {
	t.Parallel()
	const token = "correct horse battery staple and more"
	for _, item := range []string{
		token + "://", "tcp:" + token, "unix:" + token, "tcp://" + token, "tcp://" + token + ":", "tcp://" + token + ":1", "tcp://a:" + token,
		"tcp://" + token + "@a:1", "tcp://a:1@" + token, "tcp://" + token + "?x", "tcp://" + token + "/", "tcp://[" + token + "]:1", "tcp://[" + token + "]",
		"tcp://[::1]" + token + ":1", "tcp://1:2:" + token, "tcp://" + token + ":1:2", "tcp://::1:" + token,
		"unix:///a?" + token, "unix:///a?" + token + "=1", "unix:///a?mode=" + token, "tcp://" + token + "..a:1", "tcp://" + token + ".1:1",
	} {
		_, err := Parse("LISTEN", item)
		if err == nil {
			t.Errorf("%q is taken", item)
			continue
		}
		_, said, _ := strings.Cut(err.Error(), shown(item))
		if said == "" || strings.Contains(said, token) {
			t.Errorf("%q: %s", item, err)
		}
	}
	for _, host := range []string{
		token, "[" + token, token + "]", "[::1]" + token, "[" + token + "]", "[" + token + "]:1", token + "://x", "x://" + token, token + ":1", "1:2:" + token, ".." + token,
	} {
		if _, err := Host(host); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%q: %v", host, err)
		}
	}
	if _, err := Host("/run/auth-service/a-rather-long-name.sock"); err == nil || !strings.HasPrefix(err.Error(), `"/run/auth-service/a-rather-long-name.sock" is a path`) {
		t.Errorf("a path: %v", err)
	}
}
