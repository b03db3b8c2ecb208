package proxytest

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// failures are what a proxy may answer that has no verdict.
var failures = []int{500, 502, 503, 504}

// CheckUnavailable checks that nobody gets in while the service is dead, or
// alive and silent, and that it is found again. The service has Token.
func (s *Site) CheckUnavailable(tb testing.TB) {
	tb.Helper()
	valid, unknown := []string{Bearer(Token)}, []string{Bearer(Stranger)}
	s.Check(tb, Request{Name: "before", Fields: valid, Want: []int{200}})
	s.Service.Kill(tb)
	s.Check(tb, Request{Name: "valid, no service", Fields: valid, Want: failures})
	s.Check(tb, Request{Name: "unknown, no service", Fields: unknown, Want: failures})
	s.Check(tb, Request{Name: "missing, no service", Want: failures})
	s.Service.Again(tb)
	s.Check(tb, Request{Name: "valid, service back", Fields: valid, Want: []int{200}})
	s.Check(tb, Request{Name: "unknown, service back", Fields: unknown, Want: []int{401}})
	s.CheckStopped(tb)
}

// CheckStopped checks that the proxy waits no more than patience for a service
// that takes connections and does not answer, whatever it has asked before,
// that nobody gets in meanwhile, and that the service is found again. The
// service has Token. "Patience" is generous: the examples wait a few seconds, a
// proxy without a time-out waits a minute and more.
func (s *Site) CheckStopped(tb testing.TB) {
	tb.Helper()
	valid := Request{Fields: []string{Bearer(Token)}}
	// So that the proxy has a connection to the service, if it keeps any.
	s.Check(tb, Request{Name: "before", Fields: valid.Fields, Want: []int{200}})
	s.Service.Pause(tb)
	before := s.Backend.Requests()
	var group sync.WaitGroup
	for i := range 4 {
		for name, authorization := range map[string]string{"valid": Bearer(Token), "unknown": Bearer(Stranger), "missing": "X-Nothing: x"} {
			group.Go(func() {
				answer, err := Exchange(s.Address, get(fmt.Sprintf("/%d", i), "Connection: close", authorization))
				switch {
				case err != nil:
					tb.Errorf("%s, service stopped: no answer: %v", name, err)
				case !slices.Contains(failures, answer.Status):
					tb.Errorf("%s, service stopped: status %d, want one of %v", name, answer.Status, failures)
				}
			})
		}
	}
	group.Wait()
	if got := s.Backend.Requests() - before; got != 0 {
		tb.Errorf("%d requests reached the backend while the service was stopped", got)
	}
	s.Service.Resume(tb)
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		answer := Get(tb, s.Address, "/", valid.Fields...)
		if answer.Status == http.StatusOK {
			break
		}
		if time.Since(begun) > patience {
			tb.Fatalf("valid, service runs again: still status %d", answer.Status)
		}
	}
	s.Check(tb, Request{Name: "valid, service runs again", Fields: valid.Fields, Want: []int{200}})
	s.Check(tb, Request{Name: "unknown, service runs again", Fields: []string{Bearer(Stranger)}, Want: []int{401}})
}
