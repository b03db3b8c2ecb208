package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/concrete-security/auth-service/internal/setting"
)

// healthcheckTime is how long the whole question may take.
const healthcheckTime = 3 * time.Second

type healthcheckCommand struct {
	listenFlags
}

// Run asks the first listener that has an address whether it is healthy.
func (c *healthcheckCommand) Run(ctx context.Context) error {
	endpoints, err := c.endpoints()
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if e.network != systemdEndpoint {
			return askHealth(ctx, e)
		}
	}
	return setting.Invalid("%s: sockets of systemd's have no address to ask; name it with --listen", listenVariable)
}

func askHealth(ctx context.Context, e endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTime)
	defer cancel()
	client := http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, e.network, reachable(e))
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/health", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("not healthy: %w", errors.Unwrap(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not healthy: status %d", response.StatusCode)
	}
	return nil
}

// reachable is the address to connect to for a listener: a wildcard listens on
// the loopback interface too.
func reachable(e endpoint) string {
	if e.network == "unix" {
		return e.address
	}
	host, port, err := net.SplitHostPort(e.address)
	if err != nil {
		return e.address
	}
	address, err := netip.ParseAddr(host)
	switch {
	case host == "":
		host = "localhost"
	case err == nil && address.IsUnspecified() && address.Is4():
		host = "127.0.0.1"
	case err == nil && address.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}
