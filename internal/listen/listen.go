// Package listen opens the sockets that a server listens on: TCP addresses, unix
// sockets, and sockets that systemd has opened.
package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
)

// Open opens all endpoints, or none. Unix sockets cannot be found until [Publish].
func Open(ctx context.Context, endpoints []Endpoint) (listeners []net.Listener, err error) {
	defer func() {
		if err != nil {
			Close(listeners)
		}
	}()
	for _, e := range endpoints {
		var opened []net.Listener
		switch e.Network {
		case systemd:
			opened, err = inheritedListeners()
		case "unix":
			opened, err = listenUnix(e.Address, e.Mode)
		default:
			opened, err = listenTCP(ctx, e)
		}
		listeners = append(listeners, opened...)
		if err != nil {
			return listeners, err
		}
	}
	return listeners, nil
}

// listenTCP leaves out Multipath TCP, which Go offers otherwise: each connection would
// cost more, and no proxy asks for it.
func listenTCP(ctx context.Context, e Endpoint) ([]net.Listener, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	l, err := config.Listen(ctx, e.Network, e.Address)
	if err != nil {
		return nil, explained(e, err)
	}
	return []net.Listener{l}, nil
}

// explained says in its own words why the system refuses an address. All of these
// errors may pass without a change of the configuration.
func explained(e Endpoint, err error) error {
	host, port, _ := net.SplitHostPort(e.Address)
	if unknown, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("cannot listen on %s: the name %q does not resolve: %s", e.Address, host, unknown.Err)
	}
	_, zone, hasZone := strings.Cut(host, "%")
	number, ok := errors.AsType[syscall.Errno](err)
	switch {
	case !ok:
		return fmt.Errorf("cannot listen on %s: %w", e.Address, cause(err))
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("cannot listen on %s: another process listens on port %s: %w", e.Address, port, number)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("cannot listen on %s: this machine does not have the address: %w", e.Address, number)
	case errors.Is(err, syscall.EINVAL) && hasZone:
		return fmt.Errorf("cannot listen on %s: there is no interface %q, or it does not have the address: %w", e.Address, zone, number)
	case errors.Is(err, syscall.EACCES) && isPrivileged(port):
		return fmt.Errorf("cannot listen on %s: ports below 1024 need a privilege (CAP_NET_BIND_SERVICE); choose a higher port: %w", e.Address, number)
	}
	return fmt.Errorf("cannot listen on %s: %w", e.Address, number)
}

func isPrivileged(port string) bool {
	n, err := strconv.Atoi(port)
	return err == nil && n < 1024
}

// Close closes all listeners.
func Close(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

// Publish puts the unix sockets among the listeners at their paths. All other
// listeners can be found from the start. Call it when nothing else can fail: it
// takes the place of another process that may be serving there.
func Publish(listeners []net.Listener) error {
	for _, l := range listeners {
		if u, ok := l.(*unixListener); ok {
			if err := u.publish(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Addresses says where the listeners can be reached.
func Addresses(listeners []net.Listener) []string {
	addresses := make([]string, len(listeners))
	for i, l := range listeners {
		addresses[i] = l.Addr().Network() + "://" + l.Addr().String()
	}
	return addresses
}
