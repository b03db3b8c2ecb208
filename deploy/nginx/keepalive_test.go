package nginx_test

import (
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// relay passes connections on from one address to another and counts them.
func relay(t *testing.T, from, to string) (address string, connections *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	connections = new(atomic.Int64)
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go func() {
				defer from.Close()
				onward, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				go func() {
					_, _ = io.Copy(onward, from)
					onward.(*net.TCPConn).CloseWrite()
				}()
				_, _ = io.Copy(from, onward)
				onward.Close()
			}()
		}
	}()
	return listener.Addr().String(), connections
}

// A verdict of any kind leaves the connection open for the next.
func TestConnectionsAreUsedAgain(t *testing.T) {
	const requests = 30
	for example, want := range map[string]int64{
		"original.conf": requests, "recommended.conf": 1, "ratelimit.conf": 1, "scopes.conf": 1,
	} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			service := proxytest.StartService(t, proxytest.KeyringVariable(t))
			address, connections := relay(t, "127.0.0.1:0", service.Address)
			site := start(t, example, &proxytest.Service{Address: address}, map[string][]string{"ratelimit.conf": unlimited}[example]...)
			for range requests / 3 {
				proxytest.Get(t, site.Address, "/metrics", proxytest.Bearer(proxytest.Metrics))
				proxytest.Get(t, site.Address, "/metrics", proxytest.Bearer(proxytest.Stranger))
				proxytest.Get(t, site.Address, "/deploy/", proxytest.Bearer(proxytest.Metrics))
			}
			if got := connections.Load(); got != want {
				t.Errorf("%d requests took %d connections, want %d", requests, got, want)
			}
		})
	}
}
