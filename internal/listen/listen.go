// Package listen opens the sockets that a server listens on: TCP addresses, unix
// sockets, and sockets that systemd has opened.
package listen

import (
	"context"
	"net"
	"strings"
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
		return nil, err
	}
	return []net.Listener{l}, nil
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

// Addresses says where the listeners can be reached, for the log.
func Addresses(listeners []net.Listener) string {
	names := make([]string, len(listeners))
	for i, l := range listeners {
		names[i] = l.Addr().Network() + "://" + l.Addr().String()
	}
	return strings.Join(names, ",")
}
