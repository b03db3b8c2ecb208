// Command gnet answers /auth on an event loop of github.com/panjf2000/gnet,
// with the least of HTTP that the measurement needs.
package main

import (
	"bytes"
	"log"

	"github.com/panjf2000/gnet/v2"

	"github.com/concrete-security/auth-service/measure/bench/peers/peer"
)

var (
	headEnd      = []byte("\r\n\r\n")
	lineEnd      = []byte("\r\n")
	field        = []byte("authorization:")
	granted      = []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	denied       = []byte("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n")
	notFound     = []byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
	authTarget   = []byte("/auth")
	oldestSuffix = []byte(" HTTP/1.0")
)

type handler struct {
	gnet.BuiltinEventEngine
	verifier *peer.Verifier
}

// OnTraffic answers every request whose head has arrived.
func (h *handler) OnTraffic(c gnet.Conn) gnet.Action {
	for c.InboundBuffered() > 0 {
		buffer, err := c.Peek(-1)
		if err != nil {
			return gnet.Close
		}
		end := bytes.Index(buffer, headEnd)
		if end < 0 {
			return gnet.None
		}
		response, closing := h.answer(buffer[:end])
		if _, err := c.Write(response); err != nil || closing {
			return gnet.Close
		}
		if _, err := c.Discard(end + len(headEnd)); err != nil {
			return gnet.Close
		}
	}
	return gnet.None
}

func (h *handler) answer(head []byte) (response []byte, closing bool) {
	line, fields, _ := bytes.Cut(head, lineEnd)
	// A client of HTTP/1.0 waits for the end of the connection.
	closing = bytes.HasSuffix(line, oldestSuffix)
	_, target, _ := bytes.Cut(line, []byte(" "))
	target, _, _ = bytes.Cut(target, []byte(" "))
	if !bytes.Equal(target, authTarget) {
		return notFound, closing
	}
	for len(fields) > 0 {
		line, fields, _ = bytes.Cut(fields, lineEnd)
		if len(line) < len(field) || !bytes.EqualFold(line[:len(field)], field) {
			continue
		}
		if h.verifier.Allows(bytes.TrimSpace(line[len(field):])) {
			return granted, closing
		}
		break
	}
	return denied, closing
}

func main() {
	s, err := peer.FromEnvironment()
	if err != nil {
		log.Fatal(err)
	}
	// One loop: nginx and wrk have need of the other processor.
	log.Fatal(gnet.Rotate(&handler{verifier: s.Verifier},
		[]string{"tcp://" + s.TCP, "unix://" + s.Unix}, gnet.WithNumEventLoop(1)))
}
