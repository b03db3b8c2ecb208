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

	"github.com/concrete-security/auth-service/internal/setting"
)

const (
	listenVariable    = "LISTEN"
	adminVariable     = "ADMIN_LISTEN"
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

// same reports whether both are one place, as far as their names tell.
func (e endpoint) same(other endpoint) bool {
	anyPort := e.network != "unix" && strings.HasSuffix(e.address, ":0")
	return e.network == other.network && e.address == other.address && !anyPort
}

// parseEndpoints reads the value of the variable called name.
func parseEndpoints(name, list string) (endpoints []endpoint, err error) {
	for item := range strings.SplitSeq(list, ",") {
		e, err := parseEndpoint(name, strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(endpoints, e.same) {
			return nil, setting.Invalid("%s: %q stands there twice", name, item)
		}
		endpoints = append(endpoints, e)
	}
	return endpoints, nil
}

func parseEndpoint(name, item string) (endpoint, error) {
	unknown := setting.Invalid("%s: %q is none of tcp://HOST:PORT, unix:///PATH?mode=0660 and systemd", name, item)
	if item == systemdEndpoint {
		return endpoint{network: systemdEndpoint}, nil
	}
	u, err := url.Parse(item)
	if err != nil || u.User != nil || u.Fragment != "" {
		return endpoint{}, unknown
	}
	switch u.Scheme {
	case "tcp":
		bare := strings.Contains(u.Hostname(), ":") && u.Host[0] != '[' // where would its port begin?
		if u.Path != "" || u.RawQuery != "" || u.Port() == "" || bare {
			return endpoint{}, unknown
		}
		if _, err := setting.WholeNumber(name, u.Port(), 0, 65535); err != nil {
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

// listenOn opens all endpoints, or none. See publish.
func listenOn(ctx context.Context, endpoints []endpoint) (listeners []net.Listener, err error) {
	defer func() {
		if err != nil {
			closeAll(listeners)
		}
	}()
	for _, e := range endpoints {
		var opened []net.Listener
		switch e.network {
		case systemdEndpoint:
			opened, err = inheritedListeners()
		case "unix":
			opened, err = listenUnix(e.address, e.mode)
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

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

// publish makes the unix sockets among the listeners findable; the others are
// so from the first. It comes when nothing else can fail any more, for it takes
// the place of another process that may be serving there.
func publish(listeners []net.Listener) error {
	for _, l := range listeners {
		if u, ok := l.(*unixListener); ok {
			if err := u.publish(); err != nil {
				return err
			}
		}
	}
	return nil
}

// unixListener is a socket in a directory of its own beside its path, until it
// is published.
type unixListener struct {
	*net.UnixListener
	path string
	made string // empty once published
}

// listenUnix opens a unix socket that is to be published at path.
func listenUnix(path string, mode fs.FileMode) (_ []net.Listener, err error) {
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Type() != fs.ModeSocket {
		return nil, setting.Invalid("%s exists and is not a socket", path)
	}
	if len(path) > maxSocketPath {
		return nil, setting.Invalid("%s is longer than the %d bytes that a socket's path may have", path, maxSocketPath)
	}
	// Nobody else may connect before the mode is set.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".auth")
	if err != nil {
		return nil, fmt.Errorf("making a socket at %s: %w", path, errors.Unwrap(err))
	}
	made := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a socket at %s: %w", path, errors.Unwrap(err)), os.Remove(dir))
	}
	l.SetUnlinkOnClose(false) // the path may be another process's by then
	u := &unixListener{UnixListener: l, path: path, made: made}
	return []net.Listener{u}, os.Chmod(made, mode)
}

// publish puts the socket in the place of its path by renaming: at no time is
// there none, and a process that still serves the old one goes on undisturbed.
func (l *unixListener) publish() error {
	if err := os.Rename(l.made, l.path); err != nil {
		return err
	}
	dir := filepath.Dir(l.made)
	l.made = ""
	return os.Remove(dir)
}

// Close closes the socket. It leaves the path alone, which may be another
// process's by now.
func (l *unixListener) Close() error {
	if l.made != "" {
		_ = os.RemoveAll(filepath.Dir(l.made))
	}
	return l.UnixListener.Close()
}

// Addr is where the socket is found.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// inheritedListeners are the sockets that systemd has opened (sd_listen_fds(3)).
func inheritedListeners() ([]net.Listener, error) {
	listeners, err := activation.Listeners()
	if err != nil {
		return nil, err
	}
	if len(listeners) == 0 {
		return nil, setting.Invalid("systemd has passed no socket to this process (check LISTEN_PID)")
	}
	var opened []net.Listener
	for i, l := range listeners {
		if l == nil || !isListening(l) {
			return opened, setting.Invalid("the %s socket from systemd is not a listening stream socket", ordinal(i+1))
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
