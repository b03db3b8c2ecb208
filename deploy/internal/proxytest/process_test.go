package proxytest

import (
	"net"
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// A service takes another port if a program has taken the one that was free.
func TestPortIsTaken(t *testing.T) {
	t.Parallel()
	looks := 0
	service := startService(t, func(tb testing.TB) string {
		tb.Helper()
		port := Port(tb)
		if looks++; looks == 1 {
			listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:"+port)
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { _ = listener.Close() })
		}
		return port
	}, []string{TokenVariable})
	if got := Get(t, service.Address, "/auth", Bearer(Token)).Status; got != 200 || looks != 2 {
		t.Errorf("status %d on port number %d", got, looks)
	}
}
