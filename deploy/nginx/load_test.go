package nginx_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// client asks for / with one token, on and on.
type client struct {
	token string
	// fresh makes a connection for each request.
	fresh bool
	// wrong reports whether a status must not be.
	wrong func(status int) bool

	asked, allowed, failed atomic.Int64
	firstWrong             atomic.Int64
}

const (
	// goroutines is how many of them each client uses.
	goroutines = 2
	// wrkConnections is how many requests of wrk may be under way.
	wrkConnections = 8
)

// askAll runs the clients until the returned function
// is called, which reports what was wrong.
func askAll(t *testing.T, address string, clients ...*client) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var group sync.WaitGroup
	for _, c := range clients {
		for range goroutines {
			group.Go(func() { c.ask(t, address, done) })
		}
	}
	var once sync.Once
	stop = func() {
		once.Do(func() { close(done) })
		group.Wait()
	}
	t.Cleanup(stop)
	return stop
}

func (c *client) ask(t *testing.T, address string, done <-chan struct{}) {
	transport := &http.Transport{DisableKeepAlives: c.fresh}
	defer transport.CloseIdleConnections()
	for {
		select {
		case <-done:
			return
		default:
		}
		request, err := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
		if err != nil {
			t.Error(err)
			return
		}
		request.Header.Set("Authorization", "Bearer "+c.token)
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Errorf("nginx did not answer: %v", err)
			return
		}
		response.Body.Close()
		c.asked.Add(1)
		switch {
		case response.StatusCode == http.StatusOK:
			c.allowed.Add(1)
		case response.StatusCode >= http.StatusInternalServerError:
			c.failed.Add(1)
		}
		if c.wrong(response.StatusCode) {
			c.firstWrong.CompareAndSwap(0, int64(response.StatusCode))
		}
	}
}

func (c *client) check(t *testing.T, name string) {
	t.Helper()
	if status := c.firstWrong.Load(); status != 0 {
		t.Errorf("%s got status %d", name, status)
	}
	if c.asked.Load() == 0 {
		t.Errorf("%s has asked nothing", name)
	}
	t.Logf("%s: %d requests, %d allowed, %d answered 5xx", name, c.asked.Load(), c.allowed.Load(), c.failed.Load())
}

// wrk runs wrk with a token until the returned function is called, which returns
// what it reports.
func wrk(t *testing.T, address, token string) (stop func() string) {
	t.Helper()
	// In a file: arguments can be seen by everybody on the machine.
	script := proxytest.WriteFile(t, filepath.Join(t.TempDir(), "wrk.lua"),
		fmt.Sprintf("wrk.headers[%q] = %q\n", "Authorization", "Bearer "+token))
	command := exec.Command(needtest.Program(t, "wrk"), "-t1", "-c"+strconv.Itoa(wrkConnections), "-d300", "-s", script, "http://"+address+"/")
	var report strings.Builder
	command.Stdout, command.Stderr = &report, &report
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceValue(func() string {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
		return report.String()
	})
	t.Cleanup(func() { stop() })
	return stop
}

// await waits until the condition holds and returns how long that took.
func await(t *testing.T, what string, condition func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for !condition() {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("in vain waited until %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(begun)
}

func not(status int) func(int) bool { return func(s int) bool { return s != status } }

// While the service is dead nginx must answer with errors, not let anybody in;
// and it must find the service again by itself.
func TestServiceKilledUnderLoad(t *testing.T) {
	for _, example := range []string{"original.conf", "recommended.conf"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			service := proxytest.StartService(t, proxytest.TokenVariable)
			site := start(t, example, service)
			valid := &client{token: proxytest.Token, wrong: func(status int) bool {
				return status != http.StatusOK && status < http.StatusInternalServerError
			}}
			stranger := &client{token: proxytest.Stranger, wrong: func(status int) bool {
				return status != http.StatusUnauthorized && status < http.StatusInternalServerError
			}}
			stopLoad := wrk(t, site.Address, proxytest.Token)
			stop := askAll(t, site.Address, valid, stranger)
			for range 3 {
				allowed := valid.allowed.Load()
				await(t, "requests are allowed", func() bool { return valid.allowed.Load() > allowed+20 })
				service.Kill(t)
				reached, failed, strangers := site.Backend.Requests(), valid.failed.Load(), stranger.failed.Load()
				await(t, "both clients get errors", func() bool {
					return valid.failed.Load() > failed+20 && stranger.failed.Load() > strangers+20
				})
				// What was allowed before may still have been on its way: one
				// request of each goroutine, and of each connection of wrk.
				if now := site.Backend.Requests(); now > reached+goroutines+wrkConnections {
					t.Errorf("%d requests reached the backend with no service to allow them", now-reached)
				}
				service.Again(t)
			}
			await(t, "the service is found again", func() bool {
				return proxytest.Get(t, site.Address, "/", proxytest.Bearer(proxytest.Token)).Status == http.StatusOK
			})
			stop()
			if report := stopLoad(); !strings.Contains(report, "Requests/sec") {
				t.Errorf("wrk: %s", report)
			}
			valid.check(t, "the client with the token")
			stranger.check(t, "the stranger")
			// With all of it over, every verdict is right again.
			for range 50 {
				site.Check(t, proxytest.Request{Name: "valid", Fields: []string{proxytest.Bearer(proxytest.Token)}, Want: []int{200}})
				site.Check(t, proxytest.Request{Name: "unknown", Fields: []string{proxytest.Bearer(proxytest.Stranger)}, Want: []int{401}})
			}
		})
	}
}

// Ten rotations as an operator makes them: the new token beside the old one,
// the clients moved, the old one taken away.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	keyring := filepath.Join(t.TempDir(), "keyring")
	constant := tokentest.KeyringLine("constant", proxytest.Token)
	write := func(tokens ...string) {
		text := constant
		for _, token := range tokens {
			text += tokentest.KeyringLine("rotating", token)
		}
		proxytest.WriteFile(t, keyring, text)
	}
	number := func(i int) string { return fmt.Sprintf("a-token-of-the-tests-that-is-rotated-%03d", i) }
	write(number(0))
	service := proxytest.StartService(t, "AUTH_SERVICE_KEYRING="+keyring)
	address := start(t, "recommended.conf", service).Address
	status := func(token string) int {
		return proxytest.Get(t, address, "/", proxytest.Bearer(token)).Status
	}

	always := &client{token: proxytest.Token, wrong: not(http.StatusOK)}
	stranger := &client{token: proxytest.Stranger, wrong: not(http.StatusUnauthorized)}
	stopSteady := askAll(t, address, always, stranger)
	stopLoad := wrk(t, address, proxytest.Token)
	current := &client{token: number(0), wrong: not(http.StatusOK)}
	stopCurrent := askAll(t, address, current)
	var slowestNew, slowestGone time.Duration
	for i := 1; i <= 10; i++ {
		old, next := number(i-1), number(i)
		write(old, next)
		slowestNew = max(slowestNew, await(t, "the new token is in force", func() bool { return status(next) == http.StatusOK }))
		following := &client{token: next, wrong: not(http.StatusOK)}
		stopFollowing := askAll(t, address, following)
		for range 20 { // both are valid now
			if s := status(old); s != http.StatusOK {
				t.Fatalf("rotation %d: the old token got %d while both were valid", i, s)
			}
		}
		stopCurrent()
		current.check(t, fmt.Sprintf("the client of rotation %d", i-1))
		write(next)
		slowestGone = max(slowestGone, await(t, "the old token is denied", func() bool { return status(old) == http.StatusUnauthorized }))
		for range 20 {
			if s := status(old); s != http.StatusUnauthorized {
				t.Fatalf("rotation %d: the removed token got %d after it had been denied", i, s)
			}
		}
		current, stopCurrent = following, stopFollowing
	}
	stopCurrent()
	stopSteady()
	// wrk counts what is not 2xx, and connections that failed, only if there are any.
	report := stopLoad()
	if !strings.Contains(report, "Requests/sec") || strings.Contains(report, "Non-2xx") || strings.Contains(report, "Socket errors") {
		t.Errorf("wrk with a token that was valid all the time: %s", report)
	}
	t.Logf("wrk: %s", report)
	current.check(t, "the client of rotation 10")
	always.check(t, "the client with the constant token")
	stranger.check(t, "the stranger")
	t.Logf("slowest: a new token in force after %v, a removed one denied after %v", slowestNew, slowestGone)
	// The promise is a second. A machine that is busy otherwise may be late; a
	// service that forgot to look would not make this either.
	if slowest := max(slowestNew, slowestGone); slowest > 5*time.Second {
		t.Errorf("a change of the keyring was in force only after %v", slowest)
	}
}
