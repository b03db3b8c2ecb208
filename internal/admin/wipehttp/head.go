package wipehttp

import (
	"bytes"

	"github.com/concrete-security/auth-service/internal/httptext"
)

// A question is what is left of a request head.
type question struct {
	method string // GET, HEAD, or empty for any other
	path   string // one of the server's, or empty for any other
	gzip   bool   // the client accepts it
	last   bool   // the connection ends with it
}

// parse reads a request head (RFC 9112):
//
//	request-line = method SP request-target SP HTTP-version CRLF
//	head         = request-line *( field-name ":" OWS field-value OWS CRLF ) CRLF
//
// It returns the head's length, or 0 if bytes are missing. If the request is not
// served, it returns the status to answer with. It copies nothing.
func parse(buffer []byte, paths []string) (q question, length, fault int) {
	end := bytes.Index(buffer, []byte("\r\n\r\n"))
	if end < 0 {
		if !isBeginning(buffer) {
			fault = httptext.StatusBadRequest
		}
		return q, 0, fault
	}
	line, fields, _ := bytes.Cut(buffer[:end+len("\r\n")], []byte("\r\n"))
	minor, fault := q.requestLine(line, paths)
	if fault != 0 {
		return q, 0, fault
	}
	hosts := 0
	q.last = minor == '0'
	for len(fields) > 0 {
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, found := bytes.Cut(line, []byte{':'})
		if !found || !httptext.IsToken(name) || !httptext.IsText(value) {
			return q, 0, httptext.StatusBadRequest
		}
		value = httptext.Trim(value)
		switch {
		case httptext.EqualFold(name, "host"):
			hosts++
		case httptext.EqualFold(name, "connection"):
			q.last = q.last || listed(value, "close")
		case httptext.EqualFold(name, "transfer-encoding"), httptext.EqualFold(name, "content-length") && string(value) != "0":
			q.last = true // nobody reads a body here
		case httptext.EqualFold(name, "accept-encoding"):
			q.gzip = q.gzip || acceptsGzip(value)
		}
	}
	if hosts > 1 || hosts == 0 && minor == '1' { // RFC 9112 §3.2
		return q, 0, httptext.StatusBadRequest
	}
	return q, end + len("\r\n\r\n"), 0
}

// requestLine returns the last digit of the HTTP version.
func (q *question) requestLine(line []byte, paths []string) (minor byte, fault int) {
	method, rest, _ := bytes.Cut(line, []byte{' '})
	target, version, found := bytes.Cut(rest, []byte{' '})
	if !found || !httptext.IsToken(method) || len(target) == 0 || bytes.IndexByte(target, '\t') >= 0 || !httptext.IsText(target) {
		return 0, httptext.StatusBadRequest
	}
	switch string(version) {
	case "HTTP/1.0", "HTTP/1.1":
		minor = version[len(version)-1]
	default:
		if !bytes.HasPrefix(version, []byte("HTTP/")) {
			return 0, httptext.StatusBadRequest
		}
		return 0, httptext.StatusHTTPVersionNotSupported
	}
	switch string(method) {
	case httptext.MethodGet:
		q.method = httptext.MethodGet
	case httptext.MethodHead:
		q.method = httptext.MethodHead
	}
	// A query means nothing here. RFC 9112 §3.2.2: absolute-form is for servers
	// too.
	path, _, _ := bytes.Cut(target, []byte{'?'})
	if authority, absolute := bytes.CutPrefix(path, []byte("http://")); absolute {
		path = authority[max(0, bytes.IndexByte(authority, '/')):]
	}
	for _, known := range paths {
		if string(path) == known {
			q.path = known
		}
	}
	return minor, 0
}

// isBeginning reports whether a head can begin like this. Anything else, such as
// the bytes of TLS, is refused at once, because its end may never come.
func isBeginning(buffer []byte) bool {
	for line := range bytes.SplitAfterSeq(buffer, []byte{'\n'}) {
		line, ended := bytes.CutSuffix(line, []byte{'\n'})
		text, carriage := bytes.CutSuffix(line, []byte{'\r'})
		if ended && !carriage || !httptext.IsText(text) {
			return false
		}
	}
	return true
}

// acceptsGzip reports whether the value of an Accept-Encoding field names gzip with a
// weight above 0.
func acceptsGzip(value []byte) bool {
	for element := range bytes.SplitSeq(value, []byte{','}) {
		coding, parameters, _ := bytes.Cut(element, []byte{';'})
		if httptext.EqualFold(httptext.Trim(coding), "gzip") && weight(parameters) > 0 {
			return true
		}
	}
	return false
}

// weight reads the q of RFC 9110 §12.4.2 in thousandths. It returns 1000 if there
// is none, and 0 if it is malformed.
func weight(parameters []byte) int {
	for parameter := range bytes.SplitSeq(parameters, []byte{';'}) {
		name, value, _ := bytes.Cut(parameter, []byte{'='})
		if !httptext.EqualFold(httptext.Trim(name), "q") {
			continue
		}
		whole, decimals, _ := bytes.Cut(httptext.Trim(value), []byte{'.'})
		if len(whole) != 1 || len(decimals) > 3 || whole[0] != '0' && whole[0] != '1' {
			return 0
		}
		n := int(whole[0] - '0')
		for i := range 3 {
			digit := byte('0')
			if i < len(decimals) {
				digit = decimals[i]
			}
			if !httptext.IsDigit(digit) {
				return 0
			}
			n = 10*n + int(digit-'0')
		}
		return min(n, 1000)
	}
	return 1000
}

// listed reports whether a comma list has an option.
func listed(value []byte, option string) bool {
	for element := range bytes.SplitSeq(value, []byte{','}) {
		if httptext.EqualFold(httptext.Trim(element), option) {
			return true
		}
	}
	return false
}
