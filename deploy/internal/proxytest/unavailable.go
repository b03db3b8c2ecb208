package proxytest

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
)

// failures are the statuses that a proxy may answer if it has no verdict.
var failures = []int{500, 502, 503, 504}

// CheckUnavailable checks that nobody gets in while the service is dead, or alive
// but silent, and that the proxy finds it again. The service has Token.
func (s *Site) CheckUnavailable(tb testing.TB) {
	tb.Helper()
	s.awaitService(tb, "before")
	s.Service.Kill(tb)
	s.expectFailures(tb, "no service")
	s.Service.Again(tb)
	s.awaitService(tb, "service back")
	s.CheckStopped(tb)
}

// CheckStopped checks that the proxy waits no longer than patience for a service
// that accepts connections but does not answer. It also checks that nobody gets in
// meanwhile, and that the proxy finds the service again. The service has Token.
// Patience is generous: the examples wait a few seconds, and a proxy without a
// time-out waits a minute or more.
func (s *Site) CheckStopped(tb testing.TB) {
	tb.Helper()
	s.awaitService(tb, "before") // the proxy may keep a connection
	s.Service.Pause(tb)
	s.expectFailures(tb, "service stopped")
	s.Service.Resume(tb)
	s.awaitService(tb, "service runs again")
}

// expectFailures checks that everybody gets an error when several ask at once.
func (s *Site) expectFailures(tb testing.TB, when string) {
	tb.Helper()
	before := s.Backend.Requests()
	var group sync.WaitGroup
	for i := range 4 {
		for name, authorization := range map[string]string{"valid": Bearer(Token), "unknown": Bearer(Stranger), "missing": "X-Nothing: x"} {
			group.Go(func() {
				answer, err := Exchange(s.Address, get(fmt.Sprintf("/%d", i), "Connection: close", authorization))
				switch {
				case err != nil:
					tb.Errorf("%s, %s: no answer: %v", name, when, err)
				case !slices.Contains(failures, answer.Status):
					tb.Errorf("%s, %s: status %d, want one of %v", name, when, answer.Status, failures)
				}
			})
		}
	}
	group.Wait()
	if got := s.Backend.Requests() - before; got != 0 {
		tb.Errorf("%s: %d requests reached the backend", when, got)
	}
}

// awaitService waits until the proxy has verdicts, and checks them. A proxy may
// take a moment to find a service again.
func (s *Site) awaitService(tb testing.TB, when string) {
	tb.Helper()
	Await(tb, "a valid token to pass, "+when, func() bool { return Get(tb, s.Address, "/", Bearer(Token)).Status == http.StatusOK })
	s.Check(tb, Request{Name: "valid, " + when, Fields: []string{Bearer(Token)}, Want: []int{200}})
	s.Check(tb, Request{Name: "unknown, " + when, Fields: []string{Bearer(Stranger)}, Want: []int{401}})
}
