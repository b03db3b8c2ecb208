package hearsay

import (
	"bytes"

	"github.com/concrete-security/auth-service/internal/httptext"
)

// IsAddress reports whether b is an IP address, with a port or without. An address with
// a zone is none, because a zone may be any text.
//
//	address      = IPv4address [ ":" port ] / IPv6address / "[" IPv6address "]:" port
//	port         = 1*5DIGIT                        ; at most 65535
//
// IPv4address and IPv6address are those of RFC 3986 §3.2.2.
func IsAddress(b []byte) bool {
	if inBrackets, isIn := bytes.CutPrefix(b, []byte{'['}); isIn {
		address, port, found := bytes.Cut(inBrackets, []byte("]:"))
		return found && isIPv6(address) && isDecimal(port, 5, 65535)
	}
	address, port, found := bytes.Cut(b, []byte{':'})
	switch {
	case !found:
		return isIPv4(b)
	case bytes.IndexByte(port, ':') < 0:
		return isIPv4(address) && isDecimal(port, 5, 65535)
	}
	return isIPv6(b)
}

// WithoutPort returns an address without its port.
func WithoutPort(address []byte) []byte {
	if inBrackets, isIn := bytes.CutPrefix(address, []byte{'['}); isIn {
		address, _, _ = bytes.Cut(inBrackets, []byte{']'})
		return address
	}
	if ipv4, port, _ := bytes.Cut(address, []byte{':'}); bytes.IndexByte(port, ':') < 0 {
		return ipv4
	}
	return address
}

func isIPv4(b []byte) bool {
	for range 3 {
		part, rest, found := bytes.Cut(b, []byte{'.'})
		if !found || !isOctet(part) {
			return false
		}
		b = rest
	}
	return isOctet(b)
}

// isOctet reports whether b is a number up to 255, without zeros in front.
func isOctet(b []byte) bool { return isDecimal(b, 3, 255) && (len(b) == 1 || b[0] != '0') }

// isDecimal reports whether b is a number of so many digits, and no more than limit.
func isDecimal(b []byte, digits, limit int) bool {
	if len(b) == 0 || len(b) > digits {
		return false
	}
	n := 0
	for _, c := range b {
		if !httptext.IsDigit(c) {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return n <= limit
}

func isIPv6(b []byte) bool {
	const groups = 8
	seen := 0
	b, shortened := bytes.CutPrefix(b, []byte("::"))
	for len(b) > 0 {
		group, rest, more := bytes.Cut(b, []byte{':'})
		if !more && isIPv4(group) { // in the place of two groups
			seen += 2
			break
		}
		if !isGroup(group) {
			return false
		}
		seen++
		b = rest
		switch {
		case more && len(rest) == 0:
			return false
		case more && rest[0] == ':':
			if shortened {
				return false
			}
			shortened, b = true, rest[1:]
		}
	}
	if shortened {
		return seen < groups
	}
	return seen == groups
}

func isGroup(b []byte) bool {
	for _, c := range b {
		if !isHexDigit(c) {
			return false
		}
	}
	return 1 <= len(b) && len(b) <= 4
}
