package nginx_test

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// restarts is how often the service is replaced in each test.
const restarts = 20

// oneConnectionEach removes from an example what keeps connections to the
// service open.
var oneConnectionEach = []string{"    keepalive 32;\n", "", `proxy_set_header Connection "";`, "proxy_set_header Connection close;"}

// checkHandOver restarts the service while nginx is asked on and on, over
// connections that last and over one for each request. Nobody may get anything
// but the verdict.
func checkHandOver(t *testing.T, address string, restart func(t *testing.T, n int)) {
	t.Helper()
	valid := &client{token: proxytest.Token, wrong: not(http.StatusOK)}
	stranger := &client{token: proxytest.Stranger, wrong: not(http.StatusUnauthorized)}
	fresh := &client{token: proxytest.Token, wrong: not(http.StatusOK), fresh: true}
	stop := askAll(t, address, valid, stranger, fresh)
	stopLoad := wrk(t, address, proxytest.Token)
	for n := range restarts {
		before := valid.allowed.Load()
		restart(t, n)
		await(t, "requests are allowed", func() bool { return valid.allowed.Load() > before+20 })
	}
	stop()
	report := stopLoad()
	valid.check(t, "the client with the token")
	fresh.check(t, "the client with a connection for each request")
	stranger.check(t, "the stranger")
	checkReport(t, report)
}

// checkReport fails if wrk got anything but 200, or no answer.
func checkReport(t *testing.T, report string) {
	t.Helper()
	requests := regexp.MustCompile(`(\d+) requests in`).FindString(report)
	if requests == "" || strings.HasPrefix(requests, "0 ") || strings.Contains(report, "Non-2xx") || strings.Contains(report, "Socket errors") {
		t.Errorf("wrk: %s", report)
	}
	t.Logf("wrk: %s", requests)
}

// eachUpstream runs the test with connections to the service that last, and
// with one for each request.
func eachUpstream(t *testing.T, test func(t *testing.T, replacements []string)) {
	t.Helper()
	t.Run("kept", func(t *testing.T) { t.Parallel(); test(t, nil) })
	t.Run("one each", func(t *testing.T) { t.Parallel(); test(t, oneConnectionEach) })
}

// The new process takes the path of the socket over; the old one ends.
func TestHandOverByRename(t *testing.T) {
	t.Parallel()
	eachUpstream(t, func(t *testing.T, replacements []string) {
		service := proxytest.StartServiceOnSocket(t, filepath.Join(t.TempDir(), "auth.sock"), proxytest.TokenVariable)
		address := start(t, "unix.conf", service, replacements...).Address
		checkHandOver(t, address, func(t *testing.T, _ int) {
			t.Helper()
			old := service.Process
			service.Again(t)
			old.Stop(t)
		})
	})
}

// The socket is systemd's; the service ends, and then another one starts.
func TestHandOverBySystemd(t *testing.T) {
	t.Parallel()
	eachUpstream(t, func(t *testing.T, replacements []string) {
		socket, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = socket.Close() })
		service := proxytest.StartServiceOnInherited(t, socket, proxytest.TokenVariable)
		address := start(t, "recommended.conf", service, replacements...).Address
		checkHandOver(t, address, func(t *testing.T, _ int) {
			t.Helper()
			service.Stop(t)
			service.Again(t)
		})
	})
}

// Of two instances, one at a time is restarted.
func TestHandOverOfReplicas(t *testing.T) {
	t.Parallel()
	eachUpstream(t, func(t *testing.T, replacements []string) {
		instances := []*proxytest.Service{
			proxytest.StartService(t, proxytest.TokenVariable),
			proxytest.StartService(t, proxytest.TokenVariable),
		}
		both := []string{"    server 127.0.0.1:8081;\n", fmt.Sprintf("    server %s max_fails=0;\n    server %s max_fails=0;\n", instances[0].Address, instances[1].Address)}
		address := start(t, "recommended.conf", instances[0], append(both, replacements...)...).Address
		checkHandOver(t, address, func(t *testing.T, n int) {
			t.Helper()
			instance := instances[n%len(instances)]
			instance.Stop(t)
			instance.Again(t)
		})
	})
}

// TestCheckReport: the check of wrk's report can fail.
func TestCheckReport(t *testing.T) {
	t.Parallel()
	for _, report := range []string{
		"", "  0 requests in 1.00s, 0B read\n",
		"  9 requests in 1.00s, 1KB read\n  Non-2xx or 3xx responses: 1\n",
		"  9 requests in 1.00s, 1KB read\n  Socket errors: connect 0, read 1, write 0, timeout 0\n",
	} {
		inner := new(testing.T)
		checkReport(inner, report)
		if !inner.Failed() {
			t.Errorf("it took %q", report)
		}
	}
}
