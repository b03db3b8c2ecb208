package main

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/needtest"
)

// wrk must send the token, and an answer that is not 200 must be seen.
func TestRunLoad(t *testing.T) {
	needtest.Program(t, "wrk")
	for name, refused := range map[string]bool{"all allowed": false, "one refused": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests, strangers atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer "+token {
					strangers.Add(1)
				}
				if requests.Add(1) == 10 && refused {
					w.WriteHeader(http.StatusInternalServerError)
				}
			}))
			defer server.Close()
			got, err := runLoad(t.Context(), t.TempDir(), server.URL, frontConnections, time.Second, "")
			if err != nil {
				t.Fatal(err)
			}
			if strangers.Load() > 0 {
				t.Errorf("%d requests had no token", strangers.Load())
			}
			if refused != (got.Errors == 1) || !refused && got.Errors != 0 {
				t.Errorf("%d errors", got.Errors)
			}
			if got.Requests == 0 || int64(got.Requests) > requests.Load() || got.P50 > got.P99 {
				t.Errorf("of %d requests: %+v", requests.Load(), got)
			}
		})
	}
}
