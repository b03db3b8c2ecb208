package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/internal/listen"
	"github.com/concrete-security/auth-service/internal/setting"
)

const (
	// healthcheckTime is how long the whole question may take. With the start of the
	// program, that is less than three seconds.
	healthcheckTime = 2500 * time.Millisecond
	// largestChecked is the largest keyring that healthcheck reads, in bytes. It runs
	// every few seconds, in the memory that the service has.
	largestChecked = 1 << 20
)

// healthcheck asks the first listener that has an address whether it is healthy or,
// with --ready, whether somebody can pass.
func healthcheck(ctx context.Context, p *process, c *cli.Healthcheck) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTime)
	defer cancel()
	if c.Ready {
		return ready(ctx, p, c)
	}
	e, err := firstAddress(p, c)
	if err != nil {
		return err
	}
	return expect(ctx, e, "/health", "not healthy")
}

// ready returns an error unless somebody can pass. The admin listener knows. Without
// one, the answer to a question without a token tells whether the service has a usable
// token, and the sources of tokens tell whether one has not expired.
func ready(ctx context.Context, p *process, c *cli.Healthcheck) error {
	const notReady = "not ready"
	sources, err := c.Sources(p.given)
	if err != nil {
		return err
	}
	admins, err := cli.AdminEndpoints(p.given, c.AdminListen)
	if err != nil {
		return err
	}
	if len(admins) > 0 {
		return expectOne(ctx, admins, "/ready", notReady)
	}
	e, err := firstAddress(p, c)
	if err != nil {
		return err
	}
	switch status, err := ask(ctx, e, "/auth"); {
	case err != nil:
		return fmt.Errorf("%s: %w", notReady, err)
	case status == httptext.StatusInternalServerError:
		return fmt.Errorf("%s: the service has no usable token and answers 500", notReady)
	case status != httptext.StatusUnauthorized:
		return fmt.Errorf("%s: %s answers /auth with status %d, which this service does not", notReady, e.Reachable(), status)
	}
	expired, err := onlyExpired(ctx, p, sources)
	switch {
	case err != nil:
		return err
	case expired:
		return fmt.Errorf("%s: every token has expired", notReady)
	}
	return nil
}

// onlyExpired reports whether the sources of this process hold tokens all of which have
// expired. In a container they are those of the service.
func onlyExpired(ctx context.Context, p *process, s cli.Sources) (expired bool, err error) {
	if info, err := os.Stat(s.Keyring); err == nil && info.Size() > largestChecked {
		return false, nil
	}
	sources, err := openSources(p, s, slog.New(slog.DiscardHandler))
	if err != nil {
		return false, err
	}
	answer := make(chan bool, 1)
	go func() { answer <- sources.OnlyExpired(time.Now()) }()
	select {
	case expired = <-answer:
	case <-ctx.Done(): // the file system hangs; what the service answered counts
	}
	return expired, nil
}

// firstAddress returns the first listener that has an address.
func firstAddress(p *process, c *cli.Healthcheck) (listen.Endpoint, error) {
	endpoints, err := c.Endpoints(p.given)
	if err != nil {
		return listen.Endpoint{}, err
	}
	for _, e := range endpoints {
		if !e.Systemd() {
			return e, nil
		}
	}
	return listen.Endpoint{}, setting.Invalid("cannot derive an address from %s=systemd; use --listen", p.given.Name(cli.ListenVariable))
}

// expectOne asks all listeners at once and returns nil if one of them answers 200.
func expectOne(ctx context.Context, endpoints []listen.Endpoint, path, otherwise string) (err error) {
	answers := make(chan error, len(endpoints))
	for _, e := range endpoints {
		go func() { answers <- expect(ctx, e, path, otherwise) }()
	}
	for range endpoints {
		if err = <-answers; err == nil {
			return nil
		}
	}
	return err
}

// expect returns an error unless a listener answers 200.
func expect(ctx context.Context, e listen.Endpoint, path, otherwise string) error {
	switch status, err := ask(ctx, e, path); {
	case err != nil:
		return fmt.Errorf("%s: %w", otherwise, err)
	case status == httptext.StatusServiceUnavailable && path == "/ready":
		return fmt.Errorf("%s: no token lets anybody pass, or the service is stopping", otherwise)
	case status != httptext.StatusOK:
		return fmt.Errorf("%s: %s answers %s with status %d", otherwise, e.Reachable(), path, status)
	}
	return nil
}

// ask asks a listener of this program, so it needs no more of HTTP than the first line
// of the response.
func ask(ctx context.Context, e listen.Endpoint, path string) (status int, err error) {
	c, err := new(net.Dialer).DialContext(ctx, e.Network, e.Reachable())
	if err != nil {
		return 0, unanswered(ctx, e, err)
	}
	defer func() { _ = c.Close() }()
	if deadline, limited := ctx.Deadline(); limited {
		if err := c.SetDeadline(deadline); err != nil {
			return 0, err
		}
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Original-URI: " + httptext.HealthcheckURI + "\r\n\r\n"
	if _, err := io.WriteString(c, request); err != nil {
		return 0, unanswered(ctx, e, err)
	}
	line, err := bufio.NewReader(io.LimitReader(c, 1<<10)).ReadString('\n')
	const alert, handshake = 0x15, 0x16 // how a TLS record begins
	if len(line) > 0 && (line[0] == alert || line[0] == handshake) {
		return 0, fmt.Errorf("%s speaks TLS, not HTTP", e.Reachable())
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, unanswered(ctx, e, err)
	}
	if line == "" {
		return 0, fmt.Errorf("%s has closed the connection without an answer", e.Reachable())
	}
	version, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
	digits, _, _ := strings.Cut(rest, " ")
	status, err = strconv.Atoi(digits)
	if err != nil || !strings.HasPrefix(version, "HTTP/1.") {
		return 0, fmt.Errorf("%s does not speak HTTP", e.Reachable())
	}
	return status, nil
}

// unanswered says why there is no answer, without the names of Go's functions.
func unanswered(ctx context.Context, e listen.Endpoint, err error) error {
	unknown, isName := errors.AsType[*net.DNSError](err)
	number, isNumber := errors.AsType[syscall.Errno](err)
	timedOut, isNet := errors.AsType[net.Error](err)
	switch {
	case ctx.Err() != nil || isNet && timedOut.Timeout():
		return fmt.Errorf("%s has not answered within %s", e.Reachable(), healthcheckTime)
	case isName:
		return fmt.Errorf("the name %q does not resolve: %s", unknown.Name, unknown.Err)
	case isNumber:
		return fmt.Errorf("%s: %w", e.Reachable(), number)
	}
	return err
}
