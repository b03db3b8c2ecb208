package listen

import (
	"io/fs"
	"net"
	"net/netip"
	"strings"
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
