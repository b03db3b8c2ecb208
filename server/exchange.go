package server

import (
	"net/http"
	"sync"
	"time"

	"github.com/concrete-security/auth-service/core"
)

// maxDiscardedBody is the largest request body that is read and thrown away to
// keep the connection, in bytes.
const maxDiscardedBody = 64 << 10

// outputMark is how many bytes of responses may gather before they are
// written, so that a flood of pipelined requests takes no memory.
const outputMark = 8 << 10

// exchange is where one connection stands in the protocol. Its zero value is
// a connection that has sent nothing.
type exchange struct {
	head       head
	headLength int   // bytes; 0 until the head is complete
	skipped    int64 // bytes of the body that have arrived and been discarded
}

// next is what a connection does after its responses are written.
type next uint8

const (
	readMore    next = iota
	callAgain        // there is more to answer in the bytes at hand
	readBody         // the rest of a body may have arrived: see advance
	closeNow         // nothing more can be on its way
	closeLastly      // the client may still be sending: see lingering close
)

// current is a keyring in use, and what it was used for. A verdict holds the
// read lock, so that a keyring that was replaced can be wiped: see
// Server.SetKeyring.
type current struct {
	sync.RWMutex
	keyring *core.Keyring
	tally   tally
}

// worker turns bytes into responses, for one connection at a time. It knows
// nothing of sockets. It belongs to one goroutine.
type worker struct {
	current   *current
	audit     *audit
	responses responses
	scopes    []byte // of the request at hand
	now       int64  // Unix seconds
}

func (w *worker) setTime(now time.Time) {
	w.now = now.Unix()
	w.responses.setTime(now)
}

// advance answers the requests in in, the bytes of x's connection that were
// not consumed before and those that have arrived since. It appends the
// responses to out and returns how many bytes it has consumed. draining makes
// every response the connection's last.
//
// After readMore, the caller passes in the unconsumed bytes again, with what
// follows them. After readBody, it does so with the next x.headLength bytes only,
// and discards the bytes behind them, which are part of a body. last says that
// nothing more of a body will be read; then advance does not return readBody.
func (w *worker) advance(x *exchange, in, out []byte, p peer, last, draining bool) (consumed int, _ []byte, _ next) {
	for {
		buf := in[consumed:]
		if len(buf) == 0 {
			return consumed, out, readMore
		}
		if len(out) > outputMark {
			return consumed, out, callAgain
		}
		if x.headLength == 0 {
			length, f := x.head.parse(buf)
			if f != noFault {
				return len(in), w.refuse(out, f), closeLastly
			}
			if length == 0 {
				return consumed, out, readMore
			}
			x.headLength = length
		}
		behind := int64(len(buf) - x.headLength)
		missing := x.head.contentLength - x.skipped
		c := x.head.persistence(draining)
		if c != closeAfter && behind < missing {
			if !last {
				x.skipped += behind
				return consumed, out, readBody
			}
			// A faulty proxy may announce a body and never send it. The next
			// request on the connection would then wait for that body.
			c = closeAfter
		}
		out = w.answer(&x.head, buf[:x.headLength], out, p, c)
		consumed += x.headLength + int(min(behind, missing))
		sending := behind < missing || x.head.codings > 0
		*x = exchange{}
		if c == closeAfter {
			if sending || consumed < len(in) {
				return len(in), out, closeLastly
			}
			return consumed, out, closeNow
		}
	}
}

// persistence says what becomes of the connection after the request, provided
// that its body has arrived. A large body is not worth reading. If the client may
// hold the body back (RFC 9110 §10.1.1), it is unclear where the next request
// would begin.
func (h *head) persistence(draining bool) connection {
	switch {
	case draining, !h.keepsOpen(), h.codings > 0, h.contentLength > maxDiscardedBody,
		h.expectContinue && h.contentLength > 0:
		return closeAfter
	case h.minor == 0:
		return keepAloud
	}
	return keepSilently
}

// answer appends the response to one request, the head of which is buf.
func (w *worker) answer(h *head, buf, out []byte, p peer, c connection) []byte {
	var r route
	r, w.scopes = h.route(buf, w.scopes[:0])
	defer clear(w.scopes) // a client may have put anything there
	switch r {
	case routeAuth:
		d := w.current.authorize(core.Request{
			Authorization: h.authorization.of(buf),
			Fields:        h.authorizations,
			Scopes:        w.scopes,
			Now:           w.now,
		})
		w.audit.decided(d, h, buf, p)
		return w.responses.verdict(out, d, w.scopes, c)
	case routeHealth:
		w.current.tally.others.Add(1)
		switch string(h.method.of(buf)) {
		case http.MethodGet:
			return w.responses.healthy(out, true, c)
		case http.MethodHead:
			return w.responses.healthy(out, false, c)
		}
		return w.responses.methodNotAllowed(out, c)
	}
	w.current.tally.others.Add(1)
	return w.responses.notFound(out, c)
}

// refuse appends the response to what is not served at all.
func (w *worker) refuse(out []byte, f fault) []byte {
	w.current.tally.others.Add(1)
	return w.responses.refusal(out, f)
}

// authorize decides and counts.
func (c *current) authorize(r core.Request) core.Decision {
	c.RLock()
	defer c.RUnlock()
	if !c.tally.measures {
		d := c.keyring.Authorize(r)
		c.tally.verdicts[d.Reason].Add(1)
		return d
	}
	begun := time.Now()
	d := c.keyring.Authorize(r)
	c.tally.measured(d, time.Since(begun))
	return d
}
