package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
)

const (
	listenVariable    = "LISTEN"
	systemdEndpoint   = "systemd"
	defaultSocketMode = 0o660
)

// endpoint is where the server listens: a TCP address, a unix socket's path, or
// the sockets that systemd passes on.
type endpoint struct {
	network string // "tcp", "tcp4", "unix" or systemdEndpoint
	address string
	mode    fs.FileMode // of a unix socket
}

// tcpEndpoint is that of a host and a port. An IPv4 address stands for itself:
// Go would take the wildcard for that of IPv6 as well.
func tcpEndpoint(host, port string) endpoint {
	network := "tcp"
	if address, err := netip.ParseAddr(host); err == nil && address.Is4() {
		network = "tcp4"
	}
	return endpoint{network: network, address: net.JoinHostPort(host, port)}
}

// parseEndpoints reads the value of LISTEN.
func parseEndpoints(list string) (endpoints []endpoint, err error) {
	for item := range strings.SplitSeq(list, ",") {
		e, err := parseEndpoint(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(endpoints, func(other endpoint) bool { return other.network == e.network && other.address == e.address }) {
			return nil, invalid("%s: %q stands there twice", listenVariable, item)
		}
		endpoints = append(endpoints, e)
	}
	return endpoints, nil
}

func parseEndpoint(item string) (endpoint, error) {
	unknown := invalid("%s: %q is none of tcp://HOST:PORT, unix:///PATH?mode=0660 and systemd", listenVariable, item)
	if item == systemdEndpoint {
		return endpoint{network: systemdEndpoint}, nil
	}
	u, err := url.Parse(item)
	if err != nil || u.User != nil || u.Fragment != "" {
		return endpoint{}, unknown
	}
	switch u.Scheme {
	case "tcp":
		if u.Path != "" || u.RawQuery != "" || u.Port() == "" {
			return endpoint{}, unknown
		}
		if _, err := wholeNumber(listenVariable, u.Port(), 0, 65535); err != nil {
			return endpoint{}, err
		}
		return tcpEndpoint(u.Hostname(), u.Port()), nil
	case "unix":
		if u.Host != "" || !filepath.IsAbs(u.Path) {
			return endpoint{}, unknown
		}
		e := endpoint{network: "unix", address: filepath.Clean(u.Path), mode: defaultSocketMode}
		for key, values := range u.Query() {
			mode, err := strconv.ParseUint(values[0], 8, 32)
			if key != "mode" || len(values) > 1 || err != nil || mode > 0o777 {
				return endpoint{}, unknown
			}
			e.mode = fs.FileMode(mode)
		}
		return e, nil
	}
	return endpoint{}, unknown
}

// listenOn opens all endpoints, or none.
func listenOn(ctx context.Context, endpoints []endpoint) (listeners []net.Listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range listeners {
				_ = l.Close()
			}
		}
	}()
	for _, e := range endpoints {
		var opened []net.Listener
		switch e.network {
		case systemdEndpoint:
			opened, err = inheritedListeners()
		case "unix":
			opened, err = listenUnix(ctx, e.address, e.mode)
		default:
			var l net.Listener
			if l, err = (&net.ListenConfig{}).Listen(ctx, e.network, e.address); err == nil {
				opened = []net.Listener{l}
			}
		}
		listeners = append(listeners, opened...)
		if err != nil {
			return listeners, err
		}
	}
	return listeners, nil
}

// listenUnix puts a new socket in the place of path by renaming: at no time is
// there none, and a process that still serves the old one goes on undisturbed.
func listenUnix(ctx context.Context, path string, mode fs.FileMode) (_ []net.Listener, err error) {
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s exists and is no socket", path)
	}
	// Nobody else may connect before the mode is set.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".auth")
	if err != nil {
		return nil, fmt.Errorf("making a socket at %s: %w", path, errors.Unwrap(err))
	}
	defer func() { err = errors.Join(err, os.Remove(dir)) }()
	made := filepath.Join(dir, "s")
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", made)
	if err != nil {
		return nil, err
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // the path may be another process's by then
	}
	if err = os.Chmod(made, mode); err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		_ = os.Remove(made)
		return []net.Listener{l}, err
	}
	return []net.Listener{namedListener(l, path)}, nil
}

// namedListener makes a listener that was renamed tell its new path.
func namedListener(l net.Listener, path string) net.Listener {
	if u, ok := l.(*net.UnixListener); ok {
		return renamedListener{UnixListener: u, path: path}
	}
	return l
}

type renamedListener struct {
	*net.UnixListener
	path string
}

func (l renamedListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// inheritedListeners are the sockets that systemd has opened (sd_listen_fds(3)).
func inheritedListeners() ([]net.Listener, error) {
	listeners, err := activation.Listeners()
	if err != nil {
		return nil, err
	}
	if len(listeners) == 0 {
		return nil, errors.New("systemd has passed on no socket (is LISTEN_PID this process?)")
	}
	var opened []net.Listener
	for i, l := range listeners {
		if l == nil || !isListening(l) {
			return opened, fmt.Errorf("the %s socket that systemd has passed on is not a listening stream socket", ordinal(i+1))
		}
		opened = append(opened, l)
	}
	return opened, nil
}

func ordinal(n int) string {
	if n >= 1 && n <= 3 {
		return [...]string{"first", "second", "third"}[n-1]
	}
	return strconv.Itoa(n) + "th"
}

// addresses are where the listeners can be reached, for the log.
func addresses(listeners []net.Listener) string {
	names := make([]string, len(listeners))
	for i, l := range listeners {
		names[i] = l.Addr().Network() + "://" + l.Addr().String()
	}
	return strings.Join(names, ",")
}
