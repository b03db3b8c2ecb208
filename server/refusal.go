package server

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// A refusal is the answer to what is not served at all.
type refusal struct {
	status     int
	kind       string // for the summary of many
	statusLine string
	why        string // for the log; empty if the request has to be looked at
}

var (
	requestTimeout = refusal{408, "status_408", "HTTP/1.1 408 Request Timeout\r\n", "the request has not arrived within HEAD_TIMEOUT"}
	stopped        = refusal{408, "status_408", "HTTP/1.1 408 Request Timeout\r\n", "the service has stopped before the request had arrived"}
	overloaded     = refusal{503, "status_503", "HTTP/1.1 503 Service Unavailable\r\n", "the oldest incomplete request has made room for others: MAX_CONNECTIONS are open, or incomplete requests hold too much memory"}
	tooMany        = refusal{503, "status_503", "HTTP/1.1 503 Service Unavailable\r\n", "MAX_CONNECTIONS are open, and none of them is idle"}
	notFound       = refusal{404, "status_404", "HTTP/1.1 404 Not Found\r\n", ""}
	wrongMethod    = refusal{405, "status_405", "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n", "the method for /health is GET or HEAD"}
)

// faults are the refusals of requests that nobody can know the meaning of.
var faults = [http1.Faults]refusal{
	http1.BadRequest:         {400, "status_400", "HTTP/1.1 400 Bad Request\r\n", "the request does not follow the grammar of HTTP/1.1"},
	http1.URITooLong:         {414, "status_414", "HTTP/1.1 414 URI Too Long\r\n", "the request line is longer than MAX_HEADER_BYTES; pass on a shorter URL, or raise the limit"},
	http1.FieldsTooLarge:     {431, "status_431", "HTTP/1.1 431 Request Header Fields Too Large\r\n", "the fields are larger than MAX_HEADER_BYTES, or more than " + strconv.Itoa(http1.MaxFieldLines) + "; pass on no cookies, or raise the limit"},
	http1.UnsupportedCoding:  {501, "status_501", "HTTP/1.1 501 Not Implemented\r\n", "the body has a transfer coding other than chunked"},
	http1.UnsupportedVersion: {505, "status_505", "HTTP/1.1 505 HTTP Version Not Supported\r\n", "the version of HTTP is neither 1.0 nor 1.1"},
}

// leastStatus is the lowest status that a refusal can have, and statusRange the number of
// those that it can have.
const (
	leastStatus = 400
	statusRange = 600 - leastStatus
)

// refusals returns all of them.
func refusals() []refusal {
	return append(slices.Clip(faults[http1.NoFault+1:]), requestTimeout, overloaded, notFound, wrongMethod)
}

// otherProtocols are how the first bytes of other protocols begin, and what to do about
// them.
var otherProtocols = []struct{ prefix, why string }{
	{"\x16\x03", "the client speaks TLS, and this listener does not: write http:// instead of https:// in the proxy"},
	{"PRI * HTTP/2", "the client speaks HTTP/2, and this listener does not: let the proxy ask over HTTP/1.1"},
	{"PROXY ", "the client sends the PROXY protocol, and this listener does not take it: switch it off in the proxy"},
	{"\r\n\r\n\x00\r\nQUIT\n", "the client sends the PROXY protocol, and this listener does not take it: switch it off in the proxy"},
}

// faulty takes note of a request that nobody can know the meaning of. The rest of the
// connection begins with buf.
func (a *audit) faulty(r refusal, buf []byte, p peer) {
	if !a.refusals.admit(r.kind) {
		return
	}
	why := r.why
	for _, other := range otherProtocols {
		if bytes.HasPrefix(buf, []byte(other.prefix)) {
			why = other.why
		}
	}
	a.logger.LogAttrs(context.Background(), slog.LevelWarn, "request refused",
		slog.Int("status", r.status), slog.String("why", why), slog.String("client", p.Address()))
}

// refused takes note of a request that was understood and is not served. Its head is
// buf.
func (a *audit) refused(r refusal, h *http1.Head, buf []byte, p peer) {
	if !a.refusals.admit(r.kind) {
		return
	}
	heard := listen(buf)
	why := r.why
	if why == "" {
		why = whyNoRoute(h, buf)
	}
	attributes := make([]slog.Attr, 0, 8)
	attributes = append(attributes, slog.Int("status", r.status), slog.String("why", why),
		slog.String("path", shown(h.Path.Of(buf), false)), slog.String("client", heard.client(p)))
	a.logger.LogAttrs(context.Background(), slog.LevelWarn, "request refused", heard.appendTo(attributes)...)
}

// asked takes note of a proxy that asks /health, the head of which is buf, whether a
// request may pass: it lets everybody in. Probes say nothing of another request.
func (a *audit) asked(buf []byte, p peer) {
	heard := listen(buf)
	if len(heard.uri.value) == 0 && len(heard.method.value) == 0 || asksItself(buf) || !a.refusals.admit("asked_health") {
		return
	}
	a.logger.LogAttrs(context.Background(), slog.LevelWarn, "a proxy asks /health, which lets everybody in; it has to ask /auth",
		heard.appendTo([]slog.Attr{slog.String("client", heard.client(p))})...)
}

// whyNoRoute says why a request names none of the endpoints. It quotes no value of a
// query.
func whyNoRoute(h *http1.Head, head []byte) string {
	path, query := string(h.Path.Of(head)), h.Query.Of(head)
	switch {
	case strings.Trim(path, "/") == "auth" && path != "/auth":
		return "the path has a slash too many; the proxy has to ask /auth"
	case path == "/health":
		return "/health takes no query"
	case path == "/auth" && len(query) == 0:
		return "the query of /auth is empty; write /auth, or /auth?scope=NAME"
	case path == "/auth":
		return "the query of /auth is not scope=NAME, repeated with & between: " + wrongParameter(query)
	}
	return "there is no such path; the proxy has to ask /auth, or a path below /ext_authz"
}

// wrongParameter names the first parameter of a query that is not understood.
func wrongParameter(query []byte) string {
	for parameter := range bytes.SplitSeq(query, []byte{'&'}) {
		name, value, _ := bytes.Cut(parameter, []byte{'='})
		switch {
		case string(name) != "scope":
			return `the parameter "` + shown(name, false) + `" is not known`
		case core.CheckScope(value) != nil:
			return "what follows scope= is not a scope"
		}
	}
	return "a parameter is not understood"
}
