package server

import (
	"bytes"
	"log/slog"

	"github.com/concrete-security/auth-service/internal/hearsay"
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
	if hearsay.IsAddress(s.realIP.value) {
		return string(s.realIP.value)
	}
	first, _, _ := bytes.Cut(s.forwardedFor.value, []byte{','})
	if first = httptext.Trim(first); hearsay.IsAddress(first) {
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
		attributes = append(attributes, slog.String("host", shown(host, hearsay.IsHost(host))))
	}
	if uri := s.uri.value; len(uri) > 0 {
		attributes = append(attributes, slog.String("uri", shown(hearsay.PathOf(uri), false)))
	}
	if id := s.requestID.value; len(id) > 0 {
		attributes = append(attributes, slog.String("request_id", shown(id, hearsay.IsRequestID(id))))
	}
	return attributes
}

// shown returns a value as a log line may show it; see [hearsay.Append].
func shown(value []byte, known bool) string { return string(hearsay.Append(nil, value, known)) }
