package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/concrete-security/auth-service/core"
)

const (
	constantToken = "a-token-that-stays-all-the-time-0123456789"
	strangerToken = "a-token-that-is-in-no-keyring-0123456789"
)

func dialer(path string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
}

// writeKeyring puts the n-th keyring in force; each fifth is broken.
func (s *service) writeKeyring(n int) error {
	line := func(principal, token string) string {
		e := core.Entry{Principal: principal, Credential: core.CredentialOf([]byte(token)), Expires: core.Never}
		written, err := e.AppendLine(nil)
		if err != nil {
			panic(err) // it is the same each time
		}
		return string(written) + "\n"
	}
	text := line("constant", constantToken) + line("rotating", fmt.Sprint("rotating-token-", n))
	if n%5 == 4 {
		text += "broken\n"
	}
	if err := os.WriteFile(s.keyring()+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(s.keyring()+".new", s.keyring())
}

// load is what all clients together do to a service.
type load struct {
	*service
	wait                                   sync.WaitGroup
	verdicts, wrong, connections, keyrings atomic.Int64

	mu    sync.Mutex
	first error
}

func newLoad(s *service) *load { return &load{service: s} }

func (l *load) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

func (l *load) fault(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = err
	}
}

// run starts all clients; they end with ctx.
func (l *load) run(ctx context.Context) {
	for kind, clients := range map[*func(context.Context) error]int{
		new(l.kept): 4, new(l.fresh): 2, new(l.pipelined): 1, new(l.abandoned): 2, new(l.idle): 50, new(l.deaf): 1, new(l.rotation): 1,
	} {
		for range clients {
			l.wait.Go(func() {
				for ctx.Err() == nil {
					if err := (*kind)(ctx); err != nil && ctx.Err() == nil {
						l.fault(err)
						return
					}
				}
			})
		}
	}
}

func request(token string) string {
	return "GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token + "\r\n\r\n"
}

func (l *load) connect(ctx context.Context) (net.Conn, error) {
	c, err := dialer(l.data)(ctx, "", "")
	if err != nil {
		return nil, err
	}
	l.connections.Add(1)
	return c, c.SetDeadline(time.Now().Add(10 * time.Second))
}

// check reads one answer, which has to be the verdict on a token.
func (l *load) check(from *bufio.Reader, token string) error {
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	l.verdicts.Add(1)
	want := http.StatusUnauthorized
	if token == constantToken {
		want = http.StatusOK
	}
	if response.StatusCode != want {
		l.wrong.Add(1)
		return fmt.Errorf("status %d instead of %d", response.StatusCode, want)
	}
	return nil
}

// asks sends tokens, all at once, and checks the answers.
func (l *load) asks(c net.Conn, from *bufio.Reader, tokens ...string) error {
	var all strings.Builder
	for _, token := range tokens {
		all.WriteString(request(token))
	}
	if _, err := c.Write([]byte(all.String())); err != nil {
		return err
	}
	for _, token := range tokens {
		if err := l.check(from, token); err != nil {
			return err
		}
	}
	return nil
}

// kept asks a thousand times on one connection, for either verdict in turn.
func (l *load) kept(ctx context.Context) error {
	return l.times(ctx, 500, constantToken, strangerToken)
}

// fresh asks once for each connection.
func (l *load) fresh(ctx context.Context) error { return l.times(ctx, 1, constantToken) }

// pipelined asks fifty times at once.
func (l *load) pipelined(ctx context.Context) error {
	tokens := make([]string, 50)
	for i := range tokens {
		tokens[i] = []string{constantToken, strangerToken}[i%2]
	}
	return l.times(ctx, 10, tokens...)
}

func (l *load) times(ctx context.Context, n int, tokens ...string) error {
	c, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	from := bufio.NewReader(c)
	for range n {
		if ctx.Err() != nil {
			return nil
		}
		if err := l.asks(c, from, tokens...); err != nil {
			return err
		}
	}
	return nil
}

// abandoned sends a part of a request and goes, at once or when the server has had
// enough of it.
func (l *load) abandoned(ctx context.Context) error {
	c, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	text := request(constantToken)
	if _, err := c.Write([]byte(text[:rand.IntN(len(text))])); err != nil {
		return err
	}
	if rand.IntN(4) == 0 {
		pause(ctx, 1500*time.Millisecond)
	}
	return nil
}

// idle holds a connection until the server closes it.
func (l *load) idle(ctx context.Context) error {
	c, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if rand.IntN(2) == 0 {
		if err := l.asks(c, bufio.NewReader(c), constantToken); err != nil {
			return err
		}
	}
	pause(ctx, 3*time.Second)
	return nil
}

// deaf asks and never reads, until nothing more can be sent.
func (l *load) deaf(ctx context.Context) error {
	c, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetWriteDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	all := []byte(strings.Repeat(request(strangerToken), 100))
	for ctx.Err() == nil {
		if _, err := c.Write(all); err != nil {
			return nil // the server has closed it, or will
		}
	}
	return nil
}

// rotation replaces the keyring.
func (l *load) rotation(ctx context.Context) error {
	if err := l.writeKeyring(int(l.keyrings.Add(1))); err != nil {
		return err
	}
	if err := l.command.Process.Signal(syscall.SIGHUP); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	pause(ctx, 200*time.Millisecond)
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
