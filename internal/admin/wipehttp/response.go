package wipehttp

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// response gathers what a handler answers.
type response struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *response) Header() http.Header { return r.header }

func (r *response) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *response) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// bytes is the response to q as it is sent.
func (r *response) bytes(q question) []byte {
	r.WriteHeader(http.StatusOK) // unless it was called
	var out bytes.Buffer
	out.WriteString("HTTP/1.1 " + strconv.Itoa(r.status) + " " + http.StatusText(r.status) + "\r\n")
	r.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	r.header.Set("Content-Length", strconv.Itoa(r.body.Len()))
	if q.last {
		r.header.Set("Connection", "close")
	}
	_ = r.header.Write(&out) // to memory
	out.WriteString("\r\n")
	if q.method != http.MethodHead {
		out.Write(r.body.Bytes())
	}
	return out.Bytes()
}
