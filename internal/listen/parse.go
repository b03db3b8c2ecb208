package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/concrete-security/auth-service/internal/setting"
)

// Parse reads the value of the setting called name: endpoints, separated by commas.
// An error names the setting and the endpoint, says which part of it is wrong, and
// what to write instead.
//
//	list     = endpoint *( "," endpoint )
//	endpoint = "tcp://" [ host ] ":" port
//	         / "unix://" path [ "?mode=" 1*OCTDIG ]
//	         / "systemd"
func Parse(name, list string) (endpoints []Endpoint, err error) {
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			return nil, setting.Invalid("%s: an element of the list is empty; remove the comma before or after it", name)
		}
		e, err := parseEndpoint(item)
		if err != nil {
			return nil, setting.Invalid("%s: %s: %w", name, shown(item), err)
		}
		if slices.ContainsFunc(endpoints, e.Same) {
			return nil, setting.Invalid("%s: %s: this is in the list already; remove one of the two", name, shown(item))
		}
		endpoints = append(endpoints, e)
	}
	return endpoints, nil
}

// shown is how an error shows an element: without a user's name and password, without
// long parameters, and on one line.
func shown(item string) string {
	if scheme, rest, found := strings.Cut(item, "://"); found && scheme != "unix" {
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			item = scheme + "://…" + rest[at:]
		}
	}
	if before, parameters, found := strings.Cut(item, "?"); found && len(parameters) > shownPart {
		item = before + "?…"
	}
	if strings.ContainsFunc(item, func(r rune) bool { return !strconv.IsPrint(r) || r == ' ' }) {
		return strconv.Quote(item)
	}
	return item
}

func parseEndpoint(item string) (Endpoint, error) {
	if item == systemd {
		return Endpoint{Network: systemd}, nil
	}
	scheme, rest, found := strings.Cut(item, "://")
	if !found {
		return Endpoint{}, withoutScheme(item)
	}
	switch lower := strings.ToLower(scheme); {
	case lower != "tcp" && lower != "unix":
		return Endpoint{}, fmt.Errorf("unknown scheme %s; use tcp:// or unix://", quote(scheme))
	case lower != scheme:
		return Endpoint{}, fmt.Errorf("the scheme is in upper case; write %s://", lower)
	case strings.Contains(rest, "#"):
		return Endpoint{}, errors.New("unexpected #; remove it and what follows, or write %23 for a # in a path")
	case scheme == "tcp":
		return parseTCP(rest)
	}
	return parseUnix(rest)
}

// withoutScheme says what to write instead of an element without a scheme.
func withoutScheme(item string) error {
	before, after, colon := strings.Cut(item, ":")
	switch lower := strings.ToLower(before); {
	case lower == systemd && colon:
		return errors.New("systemd takes nothing after it; write systemd")
	case lower == systemd:
		return errors.New("write systemd in lower case")
	case (lower == "unix" || lower == "tcp") && colon:
		if after = strings.TrimLeft(after, "/"); lower == "unix" {
			after = "/" + after
		}
		return fmt.Errorf("two slashes belong after the colon; write %s://%s", lower, orElse(after, "/PATH or HOST:PORT"))
	case strings.HasPrefix(item, "/"):
		return fmt.Errorf("a path needs a scheme; write unix://%s", item)
	case strings.Contains(item, "/"):
		return errors.New("unknown form; use tcp://HOST:PORT, or unix:// and a path that starts with a slash")
	case isPort(item):
		return fmt.Errorf("a port needs a scheme; write tcp://:%s", item)
	case colon:
		if _, err := parseTCP(item); err == nil {
			return fmt.Errorf("an address needs a scheme; write tcp://%s", item)
		}
	}
	return errors.New("unknown form; use tcp://HOST:PORT, unix:///PATH?mode=0660 or systemd")
}

// examplePort is the port in what an error suggests.
const examplePort = "8081"

// parseTCP reads what follows tcp://.
func parseTCP(rest string) (Endpoint, error) {
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		return Endpoint{}, fmt.Errorf("an address has no user; write tcp://%s", orElse(rest[at+1:], "HOST:PORT"))
	}
	if address, _, found := strings.Cut(rest, "?"); found {
		return Endpoint{}, fmt.Errorf("a TCP address takes no parameters; write tcp://%s", orElse(address, "HOST:PORT"))
	}
	if address, _, found := strings.Cut(rest, "/"); found {
		return Endpoint{}, fmt.Errorf("a TCP address has no path; write tcp://%s", orElse(address, "HOST:PORT"))
	}
	colon := strings.LastIndexByte(rest, ':')
	if bracket := strings.LastIndexByte(rest, ']'); strings.HasPrefix(rest, "[") {
		switch {
		case bracket < 0:
			return Endpoint{}, errors.New("the closing bracket is missing; write tcp://[::1]:" + examplePort)
		case colon < bracket:
			colon = -1
		}
	} else if strings.Count(rest, ":") > 1 {
		host, port := rest, examplePort
		if _, err := netip.ParseAddr(rest[:colon]); err == nil {
			host, port = rest[:colon], rest[colon+1:]
		}
		return Endpoint{}, fmt.Errorf("an IPv6 address needs brackets; write tcp://[%s]:%s", orElse(host, "ADDRESS"), orElse(port, "PORT"))
	}
	if colon < 0 || colon == len(rest)-1 {
		return Endpoint{}, fmt.Errorf("the port is missing; write tcp://%s:%s", orElse(strings.TrimSuffix(rest, ":"), "HOST"), examplePort)
	}
	host, port := rest[:colon], rest[colon+1:]
	if !isPort(port) {
		return Endpoint{}, fmt.Errorf("the port %s is not a whole number from 0 to 65535", quote(port))
	}
	if host != "" {
		var err error
		if host, err = Host(strings.Replace(host, "%25", "%", 1)); err != nil {
			return Endpoint{}, fmt.Errorf("the host %w", err)
		}
	}
	n, _ := strconv.Atoi(port) // isPort has read it
	return TCP(host, strconv.Itoa(n)), nil
}

func isPort(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n <= 65535 && strings.Trim(text, "0123456789") == ""
}

// parseUnix reads what follows unix://.
func parseUnix(rest string) (Endpoint, error) {
	escaped, query, _ := strings.Cut(rest, "?")
	switch path := strings.TrimLeft(escaped, "/"); {
	case path == "":
		return Endpoint{}, errors.New("the path is missing; write unix:///run/auth-service/auth.sock")
	case !strings.HasPrefix(escaped, "/"):
		return Endpoint{}, fmt.Errorf("a socket has no host, and its path starts with a slash; write unix:///%s", path)
	}
	path, err := url.PathUnescape(escaped)
	switch {
	case err != nil:
		return Endpoint{}, errors.New("a % in the path does not begin an escape; write %25 for it")
	case strings.Contains(path, "\x00"):
		return Endpoint{}, errors.New("the path has a NUL byte in it; remove %00")
	case !filepath.IsAbs(path):
		return Endpoint{}, errors.New("the path is not absolute on this system")
	}
	e := Endpoint{Network: "unix", Address: filepath.Clean(path), Mode: defaultSocketMode}
	if len(e.Address) > maxSocketPath {
		return Endpoint{}, fmt.Errorf("the path is longer than the %d bytes that a socket's may have", maxSocketPath)
	}
	if query == "" {
		return e, nil
	}
	seen := false
	for parameter := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(parameter, "=")
		mode, err := strconv.ParseUint(value, 8, 32)
		switch {
		case key != "mode":
			return Endpoint{}, fmt.Errorf("unknown parameter %s; use mode=0660", quote(key))
		case seen:
			return Endpoint{}, errors.New("mode is there twice; remove one of the two")
		case err != nil || mode > 0o777:
			return Endpoint{}, fmt.Errorf("the mode %s is not an octal number from 0 to 0777; use mode=0660", quote(value))
		}
		e.Mode, seen = fs.FileMode(mode), true
	}
	return e, nil
}
