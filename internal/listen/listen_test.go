package listen

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]Endpoint{
		"tcp://127.0.0.1:8081":           {{Network: "tcp4", Address: "127.0.0.1:8081"}},
		"tcp://[::1]:8081":               {{Network: "tcp", Address: "[::1]:8081"}},
		"tcp://:8081":                    {{Network: "tcp", Address: ":8081"}},
		"tcp://localhost:0":              {{Network: "tcp", Address: "localhost:0"}},
		"unix:///run/a.sock":             {{Network: "unix", Address: "/run/a.sock", Mode: 0o660}},
		"unix:///run/x/../a.sock?mode=0": {{Network: "unix", Address: "/run/a.sock"}},
		"unix:///a%20b?mode=0600":        {{Network: "unix", Address: "/a b", Mode: 0o600}},
		"systemd":                        {{Network: "systemd"}},
		"systemd, unix:///a ,tcp://:0,tcp://:0": {
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
	for _, list := range []string{
		",", "tcp://", "tcp://:", "tcp://localhost", "tcp://localhost:http", "tcp://localhost:65536", "tcp://localhost:-1",
		"tcp://user@localhost:1", "tcp://localhost:1/", "tcp://localhost:1?mode=0660", "tcp://localhost:1#x", "tcp://::1:1",
		"localhost:1", "127.0.0.1:1", ":1", "udp://localhost:1", "http://localhost:1", "Systemd", "systemd:",
		"unix:a", "unix://a", "unix://host/a", "unix:///a?mode=0666&mode=0600", "unix:///a?mode=rw", "unix:///a?mode=01777",
		"unix:///a?mode=9", "unix:///a?mode=", "unix:///a?owner=root", "unix:///a#b", "/run/a.sock",
		"tcp://localhost:1,", "systemd,systemd", "unix:///a,unix:///b/../a", "tcp://:1,tcp://:1",
	} {
		if got, err := Parse("LISTEN", list); err == nil || !strings.HasPrefix(err.Error(), "LISTEN: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, %v", list, got, err)
		}
	}
}

func TestOrdinal(t *testing.T) {
	t.Parallel()
	for n, want := range []string{"0th", "first", "second", "third", "4th"} {
		if got := ordinal(n); n > 0 && got != want {
			t.Error(strconv.Itoa(n), got, want)
		}
	}
}
