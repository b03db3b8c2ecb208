package proxytest

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // RFC 6455, section 4.2.2, wants this one
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync/atomic"
	"testing"
	"time"
)

// StartUnnamed starts a service that allows everything and names nobody.
// auth-service always names somebody. If a service does not, a proxy must not pass
// on the client's own field.
func StartUnnamed(tb testing.TB) *Service {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	tb.Cleanup(server.Close)
	return &Service{Address: server.Listener.Addr().String()}
}

// Backend is what the proxy protects. It answers 200 with what it was asked,
// as JSON, or 101 with the same if it was asked for a WebSocket.
type Backend struct {
	// Address is HOST:PORT.
	Address string

	requests atomic.Int64
}

// Echo is a request as the backend got it.
type Echo struct {
	Method, URI, Body string
	Header            http.Header
	// Beyond is what a reverse proxy in place of the backend would pass on. Such a
	// proxy drops the fields that Connection names (RFC 9110, section 7.6.1).
	Beyond http.Header
}

// StartBackend starts a backend.
func StartBackend(tb testing.TB) *Backend {
	tb.Helper()
	b := new(Backend)
	server := httptest.NewServer(b)
	tb.Cleanup(server.Close)
	b.Address = server.Listener.Addr().String()
	return b
}

// ServeHTTP implements http.Handler.
func (b *Backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.requests.Add(1)
	body, _ := io.ReadAll(r.Body)
	echo := Echo{Method: r.Method, URI: r.RequestURI, Body: string(body), Header: r.Header, Beyond: beyond(r)}
	if r.Header.Get("Upgrade") == "websocket" {
		switchProtocols(w, r.Header.Get("Sec-WebSocket-Key"), echo)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(echo)
}

// Requests returns how many requests have reached the backend.
func (b *Backend) Requests() int64 { return b.requests.Load() }

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// beyond returns the header fields of the request that a reverse proxy makes
// of r.
func beyond(r *http.Request) (header http.Header) {
	proxy := httputil.ReverseProxy{
		Rewrite: func(*httputil.ProxyRequest) {},
		Transport: roundTripper(func(out *http.Request) (*http.Response, error) {
			header = out.Header
			return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
		}),
	}
	in := r.Clone(r.Context())
	in.Body = http.NoBody
	proxy.ServeHTTP(httptest.NewRecorder(), in)
	return header
}

// switchProtocols answers 101 and sends the echo as a line. Nobody speaks WebSocket
// after that: the proxies only pass bytes on.
func switchProtocols(w http.ResponseWriter, key string, echo Echo) {
	connection, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer connection.Close()                                              //nolint:errcheck // the test looks at what arrived
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
	fmt.Fprintf(buffered, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	_ = json.NewEncoder(buffered).Encode(echo)
	_ = buffered.Flush()
	// When one side closes, a proxy may drop what it has not passed on yet.
	_ = connection.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, connection)
}

// readEcho reads what switchProtocols sends.
func readEcho(r *bufio.Reader) (e Echo, err error) {
	line, err := r.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &e)
	}
	return e, err
}
