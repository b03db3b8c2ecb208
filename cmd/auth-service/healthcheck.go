package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/internal/listen"
	"github.com/concrete-security/auth-service/internal/setting"
)

// healthcheckTime is how long the whole question may take.
const healthcheckTime = 3 * time.Second

// healthcheck asks the first listener that has an address whether it is healthy.
func healthcheck(ctx context.Context, p *process, c *cli.Healthcheck) error {
	endpoints, err := c.Endpoints(p.given)
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if !e.Systemd() {
			if err := askHealth(ctx, e); err != nil {
				return fmt.Errorf("not healthy: %w", err)
			}
			return nil
		}
	}
	return setting.Invalid("cannot derive an address from %s=systemd; use --listen", p.given.Name(cli.ListenVariable))
}

// askHealth asks a listener of this program, so it needs no more of HTTP than the
// first line of the response.
func askHealth(ctx context.Context, e listen.Endpoint) error {
	deadline := time.Now().Add(healthcheckTime)
	c, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, e.Network, e.Reachable())
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(c, 1<<10)).ReadString('\n')
	if err != nil {
		return fmt.Errorf("no response: %w", err)
	}
	version, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
	digits, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(digits)
	switch {
	case err != nil || !strings.HasPrefix(version, "HTTP/1."):
		return fmt.Errorf("%s does not speak HTTP", e.Reachable())
	case status != httptext.StatusOK:
		return fmt.Errorf("status %d", status)
	}
	return nil
}
