package wipehttp

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/concrete-security/auth-service/internal/httptext"
)

// A Request is what a [Handler] is asked: GET or HEAD, which it answers alike, for a
// path.
type Request struct {
	// Path is one of the server's.
	Path string
	// Gzip is whether the body may be compressed.
	Gzip bool
}

// A Handler answers requests. It is called by many goroutines at a time.
type Handler func(Request) Response

// A Response is what a handler answers.
type Response struct {
	Status int
	// Fields are the header fields. The server adds Date, Content-Length and
	// Connection.
	Fields []Field
	Body   []byte
}

// A Field is a header field.
type Field struct{ Name, Value string }

// bytes is the response to q as it is sent.
func (r *Response) bytes(q question) []byte {
	fields := append(slices.Clip(r.Fields),
		Field{"Date", time.Now().UTC().Format(httptext.TimeFormat)},
		Field{"Content-Length", strconv.Itoa(len(r.Body))})
	if q.last {
		fields = append(fields, Field{"Connection", "close"})
	}
	slices.SortStableFunc(fields, func(a, b Field) int { return cmp.Compare(a.Name, b.Name) })
	out := []byte("HTTP/1.1 " + strconv.Itoa(r.Status) + " " + httptext.StatusText(r.Status) + "\r\n")
	for _, f := range fields {
		out = append(out, f.Name+": "+f.Value+"\r\n"...)
	}
	out = append(out, "\r\n"...)
	if q.method == httptext.MethodHead {
		return out
	}
	return append(out, r.Body...)
}
