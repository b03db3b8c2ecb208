package listen

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/concrete-security/auth-service/internal/setting"
)

func TestOrdinal(t *testing.T) {
	t.Parallel()
	for n, want := range []string{"0th", "first", "second", "third", "4th"} {
		if got := ordinal(n); n > 0 && got != want {
			t.Error(strconv.Itoa(n), got, want)
		}
	}
}

// TestExplained: what the system says of an address, in words.
func TestExplained(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	for address, want := range map[string]string{
		"127.0.0.1:" + port: "cannot listen on 127.0.0.1:" + port + ": another process listens on port " + port + ": ",
		"203.0.113.5:0":     "cannot listen on 203.0.113.5:0: this machine does not have the address: ",
		"host.invalid:0":    `cannot listen on host.invalid:0: the name "host.invalid" does not resolve: `,
	} {
		_, err := Open(t.Context(), []Endpoint{{Network: "tcp", Address: address}})
		if err == nil || !strings.HasPrefix(err.Error(), want) || setting.Lasts(err) {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
	// Not every system refuses these.
	for address, c := range map[string]struct {
		err  error
		want string
	}{
		"[fe80::1%none]:1": {syscall.EINVAL, `cannot listen on [fe80::1%none]:1: there is no interface "none", or it does not have the address: invalid argument`},
		"[::1]:1":          {syscall.EINVAL, "cannot listen on [::1]:1: invalid argument"},
		"127.0.0.1:80":     {syscall.EACCES, "cannot listen on 127.0.0.1:80: ports below 1024 need a privilege (CAP_NET_BIND_SERVICE); choose a higher port: permission denied"},
		"127.0.0.1:8080":   {syscall.EACCES, "cannot listen on 127.0.0.1:8080: permission denied"},
		"127.0.0.1:1":      {net.UnknownNetworkError("x"), "cannot listen on 127.0.0.1:1: unknown network x"},
	} {
		err := explained(Endpoint{Network: "tcp", Address: address}, &net.OpError{Op: "listen", Err: c.err})
		if err.Error() != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %s", address, err, c.want)
		}
	}
}
