package server

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

const (
	testToken  = "token-of-the-server-tests-0123456789-ABCDEFGH"
	testAuth   = "GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + testToken + "\r\n\r\n"
	testDenied = "GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wrong\r\n\r\n"
)

func newKeyring(t testing.TB, token, text string) *core.Keyring {
	t.Helper()
	entries, err := core.ParseKeyring([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	k, err := core.NewKeyring(rand.Reader, []byte(token), entries)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// configured returns the keyring that an exchange's environment stands for.
func configured(t testing.TB, e *vectors.Exchange) *core.Keyring {
	t.Helper()
	minimum := 32
	if value := e.Config["MIN_AUTH_SERVICE_TOKEN_LEN"]; value != "" {
		var err error
		if minimum, err = strconv.Atoi(value); err != nil {
			t.Fatal(err)
		}
	}
	token := e.Config["AUTH_SERVICE_TOKEN"]
	unsendable := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	if utf8.RuneCountInString(token) < minimum || strings.ContainsFunc(token, unsendable) || strings.Trim(token, " \t") != token {
		token = "" // no field line can carry it (RFC 9110 §5.5)
	}
	return newKeyring(t, token, string(e.Keyring))
}

// settings returns the options that an exchange's environment stands for.
func settings(t testing.TB, e *vectors.Exchange) (o Options) {
	t.Helper()
	var err error
	if list := e.Config["ACCEPT"]; list != "" {
		if o.Accept, err = core.ParseAccept(list); err != nil {
			t.Fatal(err)
		}
	}
	if list := e.Config["IDENTITY"]; list != "" {
		if o.Identity, err = core.ParseIdentity(list); err != nil {
			t.Fatal(err)
		}
	}
	o.Realm = e.Config["REALM"]
	return o
}

// newTestWorker returns the pure part of a server.
func newTestWorker(t testing.TB, k *core.Keyring) *worker {
	t.Helper()
	return newWorkerWith(k, Options{})
}

func newWorkerWith(k *core.Keyring, options Options) *worker {
	options.Logger = slog.New(slog.DiscardHandler)
	w := New(k, options).newWorker()
	w.setTime(time.Now())
	return w
}

type testPeer struct{}

func (testPeer) Address() string { return "192.0.2.1" }

// running is a server that listens.
type running struct {
	*Server
	address string
	stop    context.CancelFunc
	done    chan error
}

// start serves until the test ends.
func start(t testing.TB, en enginetest.Kind, k *core.Keyring, options Options) *running {
	t.Helper()
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	l := enginetest.Listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Server: New(k, options), address: l.Addr().String(), stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- r.Serve(ctx, en.Wrap(l)) }()
	t.Cleanup(func() {
		cancel()
		enginetest.Ended(t, r.done)
	})
	return r
}

// wait returns what Serve returns.
func (r *running) wait(t testing.TB) {
	t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		r.done <- err
	case <-time.After(20 * time.Second):
		t.Fatal("Serve does not return")
	}
}

func (r *running) dial(t testing.TB) net.Conn {
	t.Helper()
	return enginetest.Dial(t, r.address)
}

// ask sends a request on c and returns the head of the response.
func ask(t testing.TB, c net.Conn, request string) string {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return readHead(t, c)
}

// readHead reads the head of one response, byte by byte, so as to take nothing
// of what follows.
func readHead(t testing.TB, c net.Conn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	var head []byte
	one := make([]byte, 1)
	for len(head) < 4 || string(head[len(head)-4:]) != "\r\n\r\n" {
		if _, err := c.Read(one); err != nil {
			t.Fatalf("after %q: %v", head, err)
		}
		head = append(head, one[0])
	}
	return string(head)
}

// readEnd reads to the end of the stream.
func readEnd(t testing.TB, c net.Conn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("after %q: %v", b, err)
	}
	return string(b)
}

func status(head string) string {
	if len(head) < len("HTTP/1.1 200") {
		return head
	}
	return head[len("HTTP/1.1 "):len("HTTP/1.1 200")]
}
