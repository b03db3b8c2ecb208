package host_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/wasm/host"
)

// A reverse proxy behind the handler drops what the client's Connection field
// names, but not the identity.
func TestHandlerBeforeReverseProxy(t *testing.T) {
	v := compile(t, host.Options{})
	configure(t, v, tokentest.KeyringLine("ann", "a-token", ""))
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "websocket" {
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Seen", strings.Join(r.Header.Values("X-Auth-Request-User"), "+"))
			w.WriteHeader(http.StatusSwitchingProtocols)
			return
		}
		w.Header().Set("Seen", strings.Join(r.Header.Values("X-Auth-Request-User"), "+"))
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(v.Handler(proxy))
	defer server.Close()

	ask := func(fields ...string) *http.Response {
		t.Helper()
		connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: example.test\r\n%s\r\n\r\n", strings.Join(fields, "\r\n"))
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		return response
	}
	for _, connection := range []string{
		"close", "close, X-Auth-Request-User", "x-auth-request-user", "keep-alive,X-AUTH-REQUEST-USER,", "close\r\nConnection: X-Auth-Request-User",
		"close,\tX-Auth-Request-User\t", "Authorization, X-Auth-Request-User, close",
	} {
		if r := ask("Connection: "+connection, "X-Auth-Request-User: root", "Authorization: Bearer a-token"); r.StatusCode != http.StatusOK || r.Header.Get("Seen") != "ann" {
			t.Errorf("%q: status %d, seen %q", connection, r.StatusCode, r.Header.Get("Seen"))
		}
		if r := ask("Connection: "+connection, "X-Auth-Request-User: root", "Authorization: Bearer b-token"); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q with a wrong token: status %d", connection, r.StatusCode)
		}
	}
	for _, connection := range []string{"Upgrade", "Upgrade, X-Auth-Request-User", "x-auth-request-user,upgrade", "keep-alive, X-Auth-Request-User, Upgrade"} {
		if r := ask("Connection: "+connection, "Upgrade: websocket", "Authorization: Bearer a-token"); r.StatusCode != http.StatusSwitchingProtocols || r.Header.Get("Seen") != "ann" {
			t.Errorf("%q: status %d, seen %q", connection, r.StatusCode, r.Header.Get("Seen"))
		}
	}
}
