package vectors

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// response is an HTTP response as it came over the wire.
type response struct {
	status int
	fields map[string][]string // names in lower case
	body   []byte
	head   bool // it answers HEAD: a body is told of and does not follow

	challenges []string // that it must have, or nil for those of default settings
}

// nextResponse reads the response that data begins with. It knows no more of
// HTTP than the server is to write, so that anything else is an error.
func nextResponse(data []byte, head bool) (r response, rest []byte, complete bool, err error) {
	text, rest, ended := bytes.Cut(data, []byte("\r\n\r\n"))
	if !ended {
		return r, data, false, nil
	}
	lines := strings.Split(string(text), "\r\n")
	code, ok := strings.CutPrefix(lines[0], "HTTP/1.1 ")
	code, reason, spaced := strings.Cut(code, " ")
	if r.status, err = strconv.Atoi(code); err != nil || !ok || !spaced || len(code) != 3 || reason == "" {
		return r, nil, false, fmt.Errorf("the status line %.80q", lines[0])
	}
	r.fields = map[string][]string{}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ": ")
		if !ok || strings.ContainsAny(line, "\r\n\x00") || strings.ContainsAny(name, " \t") {
			return r, nil, false, fmt.Errorf("the field line %.80q", line)
		}
		name = strings.ToLower(name)
		r.fields[name] = append(r.fields[name], value)
	}
	length, err := strconv.Atoi(strings.Join(r.fields["content-length"], ","))
	if err != nil || length < 0 {
		return r, nil, false, fmt.Errorf("the lengths %q", r.fields["content-length"])
	}
	if r.head = head; head {
		length = 0
	}
	if len(rest) < length {
		return r, data, false, nil
	}
	r.body = rest[:length]
	return r, rest[length:], true, nil
}

func (r *response) closes() bool { return r.is("connection", "close") }

func (r *response) isHealth() bool { return r.status == 200 && r.is("content-type", "text/plain") }

// is reports whether the field is there once, with this value.
func (r *response) is(name, value string) bool {
	return len(r.fields[name]) == 1 && r.fields[name][0] == value
}

func (r *response) has(name string) bool { return len(r.fields[name]) > 0 }

// checkForm checks what is true of every response.
func (r *response) checkForm() error {
	verdict := r.status == 401 || r.status == 403 || r.status == 500 || r.status == 200 && !r.isHealth()
	switch {
	case r.has("server"), r.has("transfer-encoding"):
		return errors.New("a field Server or Transfer-Encoding")
	case !r.hasDate():
		return fmt.Errorf("the dates %q", r.fields["date"])
	case r.status >= 400 && r.status != 401 && r.status != 403 && r.status != 404 && r.status != 405 && r.status != 500 && !r.closes():
		return fmt.Errorf("%d without Connection: close", r.status)
	case r.status == 405 && len(r.fields["allow"]) != 1:
		return errors.New("405 without Allow")
	case verdict && !r.is("cache-control", "no-store"):
		return errors.New("a verdict that may be stored")
	case !r.isHealth() && (len(r.body) > 0 || r.has("content-type")):
		return errors.New("a body or its type, but /health is the only one with a body")
	case r.isHealth() && string(r.body) != "healthy" && !r.head:
		return fmt.Errorf("/health says %q", r.body)
	case (len(r.fields["x-auth-request-user"]) == 1) != (verdict && r.status == 200):
		return fmt.Errorf("the principals %q", r.fields["x-auth-request-user"])
	}
	return r.checkChallenge()
}

func (r *response) hasDate() bool {
	dates := r.fields["date"]
	if len(dates) != 1 {
		return false
	}
	const imfFixdate = "Mon, 02 Jan 2006 15:04:05 GMT" // RFC 9110 §5.6.7
	_, err := time.Parse(imfFixdate, dates[0])
	return err == nil
}

// checkChallenge: by default a 401 and a 403 have one challenge, and all others none.
func (r *response) checkChallenge() error {
	challenges := r.fields["www-authenticate"]
	ok := len(challenges) == 0
	switch {
	case r.challenges != nil:
		ok = slices.Equal(challenges, r.challenges)
	case r.status == 401:
		ok = r.is("www-authenticate", "Bearer")
	case r.status == 403:
		ok = len(challenges) == 1 && strings.HasPrefix(challenges[0], `Bearer error="insufficient_scope"`)
	}
	if !ok {
		return fmt.Errorf("the challenges %q with %d", challenges, r.status)
	}
	return nil
}
