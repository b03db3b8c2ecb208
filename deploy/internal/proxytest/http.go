package proxytest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// StartUnnamed starts a service that allows everything and says nobody's name.
// auth-service always says it; a proxy must not pass on
// the client's own when it does not.
func StartUnnamed(tb testing.TB) *Service {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	tb.Cleanup(server.Close)
	return &Service{Address: server.Listener.Addr().String()}
}

// Backend is what the proxy protects. It answers 200 with what it was asked,
// as JSON.
type Backend struct {
	// Address is HOST:PORT.
	Address string

	requests atomic.Int64
}

// Echo is a request as the backend got it.
type Echo struct {
	Method, URI, Body string
	Header            http.Header
}

// StartBackend starts a backend.
func StartBackend(tb testing.TB) *Backend {
	tb.Helper()
	b := new(Backend)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.requests.Add(1)
		w.Header().Set("Content-Type", "application/json")
		body, _ := io.ReadAll(r.Body)
		_ = json.NewEncoder(w).Encode(Echo{Method: r.Method, URI: r.RequestURI, Body: string(body), Header: r.Header})
	}))
	tb.Cleanup(server.Close)
	b.Address = server.Listener.Addr().String()
	return b
}

// Requests returns how many requests have reached the backend.
func (b *Backend) Requests() int64 { return b.requests.Load() }

// Answer is a response to a request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Echo returns the request as the backend got it.
func (a *Answer) Echo(tb testing.TB) Echo {
	tb.Helper()
	var e Echo
	if a.Status != http.StatusOK {
		tb.Fatalf("status %d, so the backend was not asked", a.Status)
	}
	if err := json.Unmarshal(a.Body, &e); err != nil {
		tb.Fatalf("not the backend's answer: %v: %q", err, a.Body)
	}
	return e
}

// Bearer returns a field line with a token.
func Bearer(token string) string { return "Authorization: Bearer " + token }

// Get asks for a path with the given field lines, on a connection of its own.
func Get(tb testing.TB, address, path string, fields ...string) *Answer {
	tb.Helper()
	var request strings.Builder
	fmt.Fprintf(&request, "GET %s HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n", path)
	for _, field := range fields {
		fmt.Fprintf(&request, "%s\r\n", field)
	}
	request.WriteString("\r\n")
	return Send(tb, address, request.String())
}

// Send sends the bytes of a request and returns the answer. The bytes go out
// as they are: a client library would mend what the tests mean to get wrong.
func Send(tb testing.TB, address, request string) *Answer {
	tb.Helper()
	answer, err := Exchange(address, request)
	if err != nil {
		tb.Fatal(err)
	}
	return answer
}

// Exchange is Send for goroutines other than the test's.
func Exchange(address, request string) (*Answer, error) {
	return exchange(&net.Dialer{Timeout: patience}, address, request)
}

func exchange(dialer *net.Dialer, address, request string) (*Answer, error) {
	connection, err := dialer.Dial(network(address), address)
	if err != nil {
		return nil, fmt.Errorf("connecting to the proxy: %w", err)
	}
	defer connection.Close() //nolint:errcheck // everything has been read
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	// A proxy may answer and close before it has read everything; the answer
	// then counts, not the failed write.
	_, writeError := io.WriteString(connection, request)
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: method})
	if err != nil {
		if writeError != nil {
			err = writeError
		}
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // everything has been read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the answer's body: %w", err)
	}
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}
