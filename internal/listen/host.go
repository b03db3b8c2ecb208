package listen

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Host returns the address or the name to listen on that a text says, without the
// brackets that an IPv6 address may have. An error says what to write instead.
//
//	host    = IPv4address / IPv6host / "[" IPv6host "]" / name
//	IPv6host = IPv6address [ "%" zone ]     ; a zone for link-local addresses, and only these
//	name    = label *( "." label ) [ "." ]  ; not all digits behind the last dot
//	label   = 1*63( ALPHA / DIGIT / "-" / "_" )
func Host(text string) (string, error) {
	inner, bracketed := strings.CutPrefix(text, "[")
	if bracketed || strings.HasSuffix(text, "]") {
		address, after, closed := strings.Cut(inner, "]")
		switch {
		case !bracketed:
			return "", fmt.Errorf("%s has a bracket at its end alone; write it without brackets", quote(text))
		case !closed:
			return "", fmt.Errorf("%s lacks the closing bracket; write %s", quote(text), orElse(inner, "an IPv6 address"))
		case strings.HasPrefix(after, ":"):
			return "", withPort(text, address)
		case after != "":
			return "", fmt.Errorf("%s has text after the bracket; write the address alone, such as ::1", quote(text))
		case !strings.Contains(address, ":"):
			return "", fmt.Errorf("%s is not an IPv6 address; only these have brackets", quote(text))
		}
		return ipv6(address)
	}
	scheme, rest, isURL := strings.Cut(text, "://")
	switch {
	case isURL:
		rest, _, _ = strings.Cut(rest, "/")
		return "", fmt.Errorf("%s is a URL; write a host name or an address, without %s://%s", quote(text), orElse(scheme, ""), suchAs(rest))
	case strings.ContainsAny(text, `/\`):
		return "", fmt.Errorf("%s is a path; write a host name or an address here, or set LISTEN=unix:///PATH", quote(text))
	case text == "*":
		return "", fmt.Errorf("%s is not an address; write 0.0.0.0 for every IPv4 address, or :: for IPv6 as well", quote(text))
	case strings.Count(text, ":") == 1:
		host, _, _ := strings.Cut(text, ":")
		return "", withPort(text, host)
	case strings.Contains(text, ":"):
		return ipv6(text)
	}
	return text, checkName(text)
}

func suchAs(host string) string {
	host, _, _ = strings.Cut(host, ":")
	if host == "" || checkName(host) != nil {
		return ""
	}
	return orElse(", such as "+host, "")
}

func withPort(text, host string) error {
	if host == "" {
		return fmt.Errorf("%s has a port; write 0.0.0.0 for every address, and the port as PORT", quote(text))
	}
	return fmt.Errorf("%s has a port; write %s, and the port as PORT", quote(text), orElse(host, "the host alone"))
}

// shownPart is the length of the longest part of a value, in bytes, that an error quotes.
// A longer one may be a token that somebody pasted in the wrong place. What looks like
// one is removed from every error, but only whole values are recognized if they have
// spaces in them.
const shownPart = 31

// quote quotes a part of a value.
func quote(part string) string {
	if len(part) > shownPart && !strings.HasPrefix(part, "/") { // a path is no token
		part = "…"
	}
	return strconv.Quote(part)
}

// orElse returns a part of a value, or a word that stands for it if it is long.
func orElse(part, word string) string {
	if len(part) > shownPart {
		return word
	}
	return part
}

// ipv6 checks an IPv6 address.
func ipv6(text string) (string, error) {
	address, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s is not an IPv6 address; write one such as ::1", quote(text))
	case address.Zone() != "" && !address.IsLinkLocalUnicast():
		return "", fmt.Errorf("%s has a zone, which only link-local addresses have; write %s", quote(text), address.WithZone(""))
	case address.Zone() == "" && address.IsLinkLocalUnicast() && !address.Is4In6():
		return "", fmt.Errorf("%s is a link-local address, which needs a zone; write %s%%eth0, with the name of the interface", quote(text), text)
	}
	return text, nil
}

// checkName checks an IPv4 address or a name. The resolver would say no more of a name
// that cannot exist than that it does not.
func checkName(name string) error {
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	for _, c := range name {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return fmt.Errorf("%s has %q in it, which no host name has", quote(name), c)
		}
	}
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	for _, label := range labels {
		switch {
		case label == "":
			return fmt.Errorf("%s has a dot too many; write one dot between two parts of a name", quote(name))
		case len(label) > 63:
			return fmt.Errorf("%s has a part of more than 63 characters, which no host name has", quote(name))
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return fmt.Errorf("%s is not an IPv4 address; write four numbers from 0 to 255, such as 127.0.0.1", quote(name))
	}
	if len(name) > 253 {
		return fmt.Errorf("the name has %d characters; a host name has at most 253", len(name))
	}
	return nil
}
