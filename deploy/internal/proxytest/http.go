package proxytest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Answer is a response to a request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Switched is the request as the backend got it if Status is 101.
	Switched Echo
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
	return Send(tb, address, get(path, append([]string{"Connection: close"}, fields...)...))
}

// get returns a request for a path with the given field lines.
func get(path string, fields ...string) string {
	lines := append([]string{"GET " + path + " HTTP/1.1", "Host: example.test"}, fields...)
	return strings.Join(append(lines, "\r\n"), "\r\n")
}

// Send sends the bytes of a request and returns the answer. The bytes go out
// as they are: a client library would correct what the tests get wrong on purpose.
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
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, &http.Request{Method: method})
	if err != nil {
		if writeError != nil {
			err = writeError
		}
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // everything has been read
	if response.StatusCode == http.StatusSwitchingProtocols {
		echo, err := readEcho(reader)
		if err != nil {
			return nil, fmt.Errorf("reading what the backend sends after 101: %w", err)
		}
		return &Answer{Status: response.StatusCode, Header: response.Header, Switched: echo}, nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the answer's body: %w", err)
	}
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}
