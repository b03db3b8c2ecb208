package hearsay

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// No control byte gets into a log, DEL included, which no request can contain.
func TestAppendEscapes(t *testing.T) {
	t.Parallel()
	for i := range 256 {
		want := string(rune(i))
		if i < ' ' || i >= 0x7f || i == '\\' {
			want = fmt.Sprintf(`\x%02x`, i)
		}
		if got := string(Append([]byte("a"), []byte{byte(i)}, false)); got != "a"+want {
			t.Errorf("byte %#x becomes %q, want %q", i, got, want)
		}
	}
}

func TestAppendCuts(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"/" + strings.Repeat("a", 255):           "/" + strings.Repeat("a", 255),
		"/" + strings.Repeat("a", 256):           "/" + strings.Repeat("a", 255),
		"/" + strings.Repeat("\xff", 256):        "/" + strings.Repeat(`\xff`, 63),
		"/" + strings.Repeat("a", 252) + "\xffb": "/" + strings.Repeat("a", 252), // no half of an escape
	} {
		if got := string(Append([]byte("before"), []byte(value), false)); got != "before"+want {
			t.Errorf("%.60q becomes %q, want %q", value, got, want)
		}
	}
}

// What looks like a token is not shown, unless it is known to be something else.
func TestAppendHidesTokens(t *testing.T) {
	t.Parallel()
	for value, hidden := range map[string]bool{
		strings.Repeat("a", 31): false, strings.Repeat("a", 32): true, strings.Repeat("a", 31) + "\xff": true, "/" + strings.Repeat("a", 32): false,
		strings.Repeat("aB/9", 10) + "abc=": true, strings.Repeat("aB/9", 10) + "a+c": true, strings.Repeat("aB/9", 10): false, "/" + strings.Repeat("aB/9", 10) + "abc=": false,
		"host/" + strings.Repeat("a", 30) + "-000001": false, "aB/9=": false,
	} {
		if got := string(Append(nil, []byte(value), false)) == NotShown; got != hidden {
			t.Errorf("%q: hidden %t", value, got)
		}
		if string(Append(nil, []byte(value), true)) == NotShown {
			t.Errorf("%q is hidden though it is known", value)
		}
	}
}

// Appending to memory that has room allocates nothing.
func TestAppendAllocatesNothing(t *testing.T) {
	line, value := make([]byte, 0, 2*Most), []byte(strings.Repeat("/\xff", Most))
	if n := testing.AllocsPerRun(10, func() { line = Append(line[:0], value, false) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Long values that are shown, and others that are not.
func TestLooksLikeNoToken(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"a-very-long-name-of-a-host.example.com": true, "a-very-long-name-of-a-host.example.com:443": true, "a.b": false, "192.0.2.1": false,
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.abc": false, "as_0123456789abcdefghijklmnopqrstuvwxyz": false, "a-very-long-name-of-a-host.example.com:x": false,
		"ab.": false, "0123456789.abcdefghijklmnopqrstuvwxyzabcdefghijklmnop": false, "a_b.example.com": false, "A.example.com": false,
	} {
		if IsHost([]byte(host)) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
	for id, want := range map[string]bool{
		"4b2fbd0a4b2fbd0a4b2fbd0a4b2fbd0a": true, "01234567-89ab-cdef-0123-456789abcdef": true, "4b2fbd0a4b2fbd0a4b2fbd0a4b2fbd0": false,
		"4b2fbd0a4b2fbd0a4b2fbd0a4b2fbd0a0": false, "4b2fbd0a4b2fbd0a4b2fbd0a4b2fbd0g": false, "0-1-2-3-4-5-6-7-89abcdef0123456789abcdef": false,
	} {
		if IsRequestID([]byte(id)) != want {
			t.Errorf("%s: %v", id, !want)
		}
	}
}

func TestPathOf(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"/a?b?c": "/a", "?a": "", "": "", "https://user:password@example.com?x": "", "https://example.com/x/y?z": "/x/y", "/go/https://example.com/x": "/go/https://example.com/x",
		"example.com:443": "example.com:443", "*": "*",
	} {
		if got := string(PathOf([]byte(uri))); got != want {
			t.Errorf("%q: %q, want %q", uri, got, want)
		}
	}
}

// addresses are texts that are addresses, and texts that are nearly so.
func addresses() []string {
	return []string{
		"192.0.2.1", "192.0.2.1:8080", "0.0.0.0", "255.255.255.255:65535", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x", "1..2.3",
		"::", "::1", "1::", "2001:db8::1", "2001:DB8::1", "[2001:db8::1]:443", "[2001:db8::1]", "[::1]:", "[1.2.3.4]:80", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7::", "1::2:3:4:5:6:7", "1::2:3:4:5:6:7:8", "1::2::3", ":::", "1:::2", ":1", "1:", ":", "::ffff:192.0.2.1", "1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:7:192.0.2.1",
		"1:2:3:4:5::192.0.2.1", "1:2:3:4:5:6::192.0.2.1", "::192.0.2.1:1", "::192.0.2", "12345::", "g::", "fe80::1%eth0", "[fe80::1%eth0]:80", "", " 192.0.2.1", "localhost", "[]:80", "[::]:80",
		"0123456789abcdef0123456789abcdef", "0123:4567:89ab:cdef:0123:4567:89ab:cdef", "unix:/run/a", "1.2.3.4:00080", "1.2.3.4:000080",
	}
}

// isAddress asks package net/netip.
func isAddress(text string) bool {
	if address, err := netip.ParseAddr(text); err == nil {
		return address.Zone() == ""
	}
	address, err := netip.ParseAddrPort(text)
	return err == nil && address.Addr().Zone() == ""
}

func checkAddress(t *testing.T, text string) {
	t.Helper()
	got, want := IsAddress([]byte(text)), isAddress(text)
	// To net/netip, a port may begin with any number of zeros.
	if at := strings.LastIndexByte(text, ':'); want && !got && len(text)-at > len(":65535") {
		return
	}
	if got != want {
		t.Errorf("%q: %t, net/netip says %t", text, got, want)
	}
	if got {
		if alone := string(WithoutPort([]byte(text))); !IsAddress([]byte(alone)) || string(WithoutPort([]byte(alone))) != alone {
			t.Errorf("%q without its port: %q", text, alone)
		}
	}
}

func TestIsAddress(t *testing.T) {
	t.Parallel()
	for _, text := range addresses() {
		checkAddress(t, text)
	}
	for text, want := range map[string]string{"192.0.2.1:80": "192.0.2.1", "[::1]:80": "::1", "::1": "::1", "192.0.2.1": "192.0.2.1"} {
		if got := string(WithoutPort([]byte(text))); got != want {
			t.Errorf("%s without its port: %s", text, got)
		}
	}
}

// FuzzIsAddress: IsAddress takes what package net/netip takes.
func FuzzIsAddress(f *testing.F) {
	for _, text := range addresses() {
		f.Add(text)
	}
	f.Fuzz(checkAddress)
}
