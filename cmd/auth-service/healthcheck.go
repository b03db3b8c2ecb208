package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/listen"
	"github.com/concrete-security/auth-service/internal/setting"
)

// healthcheckTime is how long the whole question may take.
const healthcheckTime = 3 * time.Second

// healthcheck asks the first listener that has an address whether it is healthy.
func healthcheck(ctx context.Context, c *cli.Healthcheck) error {
	endpoints, err := c.Endpoints()
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if !e.Systemd() {
			return askHealth(ctx, e)
		}
	}
	return setting.Invalid("cannot derive an address from %s=systemd; use --listen", cli.ListenVariable)
}

func askHealth(ctx context.Context, e listen.Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTime)
	defer cancel()
	client := http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, e.Network, e.Reachable())
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/health", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if failure, ok := errors.AsType[*url.Error](err); ok {
		err = failure.Err // without the URL, whose host means nothing
	}
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not healthy: status %d", response.StatusCode)
	}
	return nil
}
