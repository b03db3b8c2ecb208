package main

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// fixture is one request and the events that llhttp reports for it.
type fixture struct {
	title, request, log string
}

var (
	block = regexp.MustCompile("(?ms)^```(http|log)\n(.*?)^```")
	meta  = regexp.MustCompile(`<!-- meta=\{"type": "([^"]+)"`)
	// Escapes stand for bytes; line ends are CRLF, and a backslash before one
	// means that there is none.
	hexEscape = regexp.MustCompile(`\\x([0-9a-fA-F]{2})`)
	hostField = regexp.MustCompile(`(?im)^host[ \t]*:`)
)

// fixtures are those of a file that are parsed strictly.
func fixtures(text string) (list []fixture) {
	title, kind, request := "", "", ""
	for part := range strings.SplitSeq(text, "\n## ") {
		for section := range strings.SplitSeq(part, "\n### ") {
			title, _, _ = strings.Cut(section, "\n")
			kind = ""
			if m := meta.FindStringSubmatch(section); m != nil {
				kind = m[1]
			}
			request = ""
			for _, b := range block.FindAllStringSubmatch(section, -1) {
				if b[1] == "http" {
					request = b[2]
				} else if request != "" && kind == "request" {
					list = append(list, fixture{title, withHost(unescaped(request)), b[2]})
				}
			}
		}
	}
	return list
}

func unescaped(text string) string {
	text = strings.TrimSuffix(text, "\n")
	text = strings.ReplaceAll(text, "\\\n", "")
	text = strings.ReplaceAll(text, "\n", "\r\n")
	text = strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\t`, "\t", `\f`, "\f").Replace(text)
	return hexEscape.ReplaceAllStringFunc(text, func(escape string) string {
		value, err := strconv.ParseUint(escape[2:], 16, 8)
		if err != nil {
			return escape
		}
		return string([]byte{byte(value)})
	})
}

// withHost adds the field that HTTP/1.1 demands (RFC 9112, section 3.2) and
// llhttp does not ask for.
func withHost(request string) string {
	line, rest, found := strings.Cut(request, "\r\n")
	if !found || !strings.HasSuffix(line, "HTTP/1.1") || hostField.MatchString(request) {
		return request
	}
	return line + "\r\nHost: a\r\n" + rest
}

// outcome is how an answer compares with what llhttp makes of the request.
type outcome int

const (
	same outcome = iota
	stricter
	laxer
	unjudged // the fixture is about something other than a head
)

func (o outcome) String() string { return [...]string{"same", "stricter", "laxer", "unjudged"}[o] }

var complaint = regexp.MustCompile(`error code=\d+ reason="([^"]*)"`)

// complaint is why llhttp refuses the request, or "takes it".
func (f *fixture) complaint() string {
	if m := complaint.FindStringSubmatch(f.log); m != nil {
		return m[1]
	}
	return "takes it"
}

// judge compares. The server answers from the head, so an error in what follows it
// is not its affair; it takes any method that is a token, where llhttp has a list.
func (f *fixture) judge(status int) outcome {
	beforeEnd, _, complete := strings.Cut(f.log, "headers complete")
	refusedHead := complaint.MatchString(beforeEnd)
	unknownMethod := strings.Contains(f.complaint(), "method")
	switch refused := refusal(status); {
	case refusedHead && unknownMethod, !refusedHead && !complete:
		return unjudged
	case refusedHead == refused:
		return same
	case refused:
		return stricter
	}
	return laxer
}

// refusal reports whether the status, or no answer at all, refuses a request for its
// form.
func refusal(status int) bool {
	switch status {
	case 0, http.StatusBadRequest, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge,
		http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return true
	}
	return false
}
