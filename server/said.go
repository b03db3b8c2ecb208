package server

import (
	"bytes"
	"log/slog"
	"net/netip"
	"unsafe"

	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// said is what a proxy says of the request that it asks about. A client may have
// written any of it.
type said struct {
	realIP, forwardedFor, method, host, uri, requestID saying
}

// A saying is the first value that is not empty among fields that mean the same.
type saying struct {
	value []byte
	rank  int // of the field's name; the lowest wins
}

func (s *saying) note(rank int, value []byte) {
	if len(value) > 0 && (len(s.value) == 0 || rank < s.rank) {
		*s = saying{value, rank}
	}
}

// listen reads what the proxy says in the fields of a head. nginx and ingress-nginx say
// X-Original-…, as their configurations have it; Traefik and Caddy say X-Forwarded-….
func listen(head []byte) (s said) {
	for name, value := range http1.Fields(head) {
		switch {
		case httptext.EqualFold(name, "x-real-ip"):
			s.realIP.note(0, value)
		case httptext.EqualFold(name, "x-forwarded-for"):
			s.forwardedFor.note(0, value)
		case httptext.EqualFold(name, "x-original-method"):
			s.method.note(0, value)
		case httptext.EqualFold(name, "x-forwarded-method"):
			s.method.note(1, value)
		case httptext.EqualFold(name, "x-forwarded-host"):
			s.host.note(0, value)
		case httptext.EqualFold(name, "x-original-host"):
			s.host.note(1, value)
		case httptext.EqualFold(name, "x-original-uri"):
			s.uri.note(0, value)
		case httptext.EqualFold(name, "x-forwarded-uri"):
			s.uri.note(1, value)
		case httptext.EqualFold(name, "x-original-url"):
			s.uri.note(2, value)
		case httptext.EqualFold(name, "x-request-id"):
			s.requestID.note(0, value)
		}
	}
	return s
}

// listenToEnvoy adds what a request below /ext_authz is itself: Envoy asks with the
// method, the host and the path of the request that it asks about.
func (s *said) listenToEnvoy(h *http1.Head, head []byte) {
	const last = 9
	s.method.note(last, h.Method.Of(head))
	s.uri.note(last, bytes.TrimPrefix(h.Path.Of(head), []byte(http1.ForeignPrefix)))
	for name, value := range http1.Fields(head) {
		if httptext.EqualFold(name, "host") {
			s.host.note(last, value)
		}
	}
}

// asksItself reports whether a question is from the healthcheck of this program. A
// client may pretend that. All that a client hides is that it sent no token.
func asksItself(head []byte) bool {
	for name, value := range http1.Fields(head) {
		if httptext.EqualFold(name, "x-original-uri") {
			return string(value) == httptext.HealthcheckURI
		}
	}
	return false
}

// client is the address that the proxy names, else the other end's. A client
// may have written those fields, so what is no address is not taken for one.
func (s *said) client(p peer) string {
	if isAddress(s.realIP.value) {
		return string(s.realIP.value)
	}
	first, _, _ := bytes.Cut(s.forwardedFor.value, []byte{','})
	if first = httptext.Trim(first); isAddress(first) {
		return string(first)
	}
	return p.Address()
}

// appendTo appends what is said to the attributes of a line.
func (s *said) appendTo(attributes []slog.Attr) []slog.Attr {
	if method := s.method.value; len(method) > 0 {
		attributes = append(attributes, slog.String("method", shown(method, false)))
	}
	if host := s.host.value; len(host) > 0 {
		attributes = append(attributes, slog.String("host", shown(host, isHost(host))))
	}
	if uri := s.uri.value; len(uri) > 0 {
		attributes = append(attributes, slog.String("uri", shown(pathOf(uri), false)))
	}
	if id := s.requestID.value; len(id) > 0 {
		attributes = append(attributes, slog.String("request_id", shown(id, isRequestID(id))))
	}
	return attributes
}

// pathOf returns the path of a URI, or of a URL, which may name a user.
func pathOf(uri []byte) []byte {
	uri, _, _ = bytes.Cut(uri, []byte{'?'})
	if _, behind, isURL := bytes.Cut(uri, []byte("://")); isURL && uri[0] != '/' {
		if slash := bytes.IndexByte(behind, '/'); slash >= 0 {
			return behind[slash:]
		}
		return nil
	}
	return uri
}

const (
	// maxLogged is how much of what a client sent a log line may hold, in bytes.
	maxLogged = 256
	// shortestSecret is the length, in bytes, of the shortest value that may be a token.
	shortestSecret = 32
	// notShown replaces such a value.
	notShown = "(not shown: it looks like a token)"
)

// shown returns a value as a log line may show it: nothing that looks like a token,
// unless it is known to be something else.
func shown(value []byte, known bool) string {
	if !known && len(value) >= shortestSecret && bytes.IndexByte(value, '/') < 0 {
		return notShown
	}
	return printable(value)
}

// isHost reports whether a value that is as long as a token is the name of a host: one
// with a dot, in lower case, and maybe a port.
func isHost(value []byte) bool {
	name, port, _ := bytes.Cut(value, []byte{':'})
	for _, c := range port {
		if !httptext.IsDigit(c) {
			return false
		}
	}
	for _, c := range name {
		if !httptext.IsDigit(c) && (c < 'a' || c > 'z') && c != '-' && c != '.' {
			return false
		}
	}
	last := name[bytes.LastIndexByte(name, '.')+1:]
	return len(last) < len(name) && len(last) >= 2 && len(last) < shortestSecret && !bytes.ContainsAny(last, "0123456789")
}

// isRequestID reports whether a value that is as long as a token is the random number
// that proxies make: nginx's 32 hexadecimal digits, or a UUID.
func isRequestID(value []byte) bool {
	digits := 0
	for _, c := range value {
		switch {
		case httptext.IsDigit(c), 'a' <= c|0x20 && c|0x20 <= 'f':
			digits++
		case c != '-':
			return false
		}
	}
	return digits == 32 && len(value) <= len("01234567-0123-0123-0123-0123456789ab")
}

// isAddress reports whether b is an IP address, with a port or without.
func isAddress(b []byte) bool {
	if len(b) > len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535") {
		return false
	}
	for _, c := range b { // no zone, which may be any text
		if !httptext.IsDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') && bytes.IndexByte([]byte(".:[]"), c) < 0 {
			return false
		}
	}
	// The digits are not copied, because a copy would stay in the error, and they may
	// be part of a secret.
	text := unsafe.String(unsafe.SliceData(b), len(b))
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	_, err := netip.ParseAddrPort(text)
	return err == nil
}
