package listen

import (
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/concrete-security/auth-service/internal/setting"
)

// An Endpoint is where a server listens: a TCP address, a unix socket's path, or the
// sockets that systemd passes on.
type Endpoint struct {
	Network string      // "tcp", "tcp4", "unix" or "systemd"
	Address string      // empty for systemd
	Mode    fs.FileMode // of a unix socket
}

const (
	systemd           = "systemd"
	defaultSocketMode = 0o660
)

// Systemd reports whether e stands for the sockets that systemd passes on.
func (e Endpoint) Systemd() bool { return e.Network == systemd }

// TCP returns the endpoint of a host and a port. An IPv4 address stands for itself
// alone: Go would take the wildcard for that of IPv6 as well.
func TCP(host, port string) Endpoint {
	network := "tcp"
	if address, err := netip.ParseAddr(host); err == nil && address.Is4() {
		network = "tcp4"
	}
	return Endpoint{Network: network, Address: net.JoinHostPort(host, port)}
}

// Same reports whether both are one place, as far as their names tell.
func (e Endpoint) Same(other Endpoint) bool {
	anyPort := e.Network != "unix" && strings.HasSuffix(e.Address, ":0")
	return e.Network == other.Network && e.Address == other.Address && !anyPort
}

// Parse reads the value of the setting called name: endpoints, separated by commas.
//
//	list     = endpoint *( "," endpoint )
//	endpoint = "tcp://" [ host ] ":" port
//	         / "unix://" path [ "?mode=" 1*OCTDIG ]
//	         / "systemd"
func Parse(name, list string) (endpoints []Endpoint, err error) {
	for item := range strings.SplitSeq(list, ",") {
		e, err := parseEndpoint(name, strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(endpoints, e.Same) {
			return nil, setting.Invalid("%s: %q is listed twice", name, item)
		}
		endpoints = append(endpoints, e)
	}
	return endpoints, nil
}

func parseEndpoint(name, item string) (Endpoint, error) {
	unknown := setting.Invalid("%s: %q is none of tcp://HOST:PORT, unix:///PATH?mode=0660 and systemd", name, item)
	if item == systemd {
		return Endpoint{Network: systemd}, nil
	}
	u, err := url.Parse(item)
	if err != nil || u.User != nil || u.Fragment != "" {
		return Endpoint{}, unknown
	}
	switch u.Scheme {
	case "tcp":
		bare := strings.Contains(u.Hostname(), ":") && u.Host[0] != '[' // where would its port begin?
		if u.Path != "" || u.RawQuery != "" || u.Port() == "" || bare {
			return Endpoint{}, unknown
		}
		if _, err := setting.WholeNumber(name, u.Port(), 0, 65535); err != nil {
			return Endpoint{}, err
		}
		return TCP(u.Hostname(), u.Port()), nil
	case "unix":
		if u.Host != "" || !filepath.IsAbs(u.Path) {
			return Endpoint{}, unknown
		}
		e := Endpoint{Network: "unix", Address: filepath.Clean(u.Path), Mode: defaultSocketMode}
		for key, values := range u.Query() {
			mode, err := strconv.ParseUint(values[0], 8, 32)
			if key != "mode" || len(values) > 1 || err != nil || mode > 0o777 {
				return Endpoint{}, unknown
			}
			e.Mode = fs.FileMode(mode)
		}
		return e, nil
	}
	return Endpoint{}, unknown
}

// Reachable returns the address at which the endpoint can be reached from this
// machine. A wildcard listens on the loopback interface too.
func (e Endpoint) Reachable() string {
	if e.Network == "unix" {
		return e.Address
	}
	host, port, err := net.SplitHostPort(e.Address)
	if err != nil {
		return e.Address
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
