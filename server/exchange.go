package server

import (
	"net/http"
	"sync"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// outputMark is how many bytes of responses may gather before they are
// written, so that a flood of pipelined requests takes no memory.
const outputMark = 8 << 10

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
// follows them. After readBody, it does so with the next x.HeadLength() bytes only,
// and discards the bytes behind them, which are part of a body. last says that
// nothing more of a body will be read; then advance does not return readBody.
func (w *worker) advance(x *http1.Exchange, in, out []byte, p peer, last, draining bool) (consumed int, _ []byte, _ next) {
	for {
		buf := in[consumed:]
		if len(buf) == 0 {
			return consumed, out, readMore
		}
		if len(out) > outputMark {
			return consumed, out, callAgain
		}
		r, step, f := x.Next(buf, last, draining)
		switch step {
		case http1.HeadMissing:
			return consumed, out, readMore
		case http1.BodyMissing:
			return consumed, out, readBody
		case http1.Refused:
			return len(in), w.refuse(out, refusals[f]), closeLastly
		}
		out = w.answer(&x.Head, buf[:r.HeadLength], out, p, r.Persistence)
		consumed += r.Length
		*x = http1.Exchange{}
		if r.Persistence == http1.Close {
			if r.Unread {
				return len(in), out, closeLastly
			}
			return consumed, out, closeNow
		}
	}
}

// answer appends the response to one request, the head of which is buf.
func (w *worker) answer(h *http1.Head, buf, out []byte, p peer, c http1.Persistence) []byte {
	var r route
	r, w.scopes = findRoute(h, buf, w.scopes[:0])
	defer clear(w.scopes) // a client may have put anything there
	switch r {
	case routeAuth:
		d := w.current.authorize(core.Request{
			Authorization: h.Authorization.Of(buf),
			Fields:        int(h.AuthorizationCount),
			Scopes:        w.scopes,
			Now:           w.now,
		})
		w.audit.decided(d, h, buf, p)
		return w.responses.verdict(out, d, w.scopes, c)
	case routeHealth:
		w.current.tally.others.Add(1)
		switch string(h.Method.Of(buf)) {
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
func (w *worker) refuse(out []byte, statusLine string) []byte {
	w.current.tally.others.Add(1)
	return w.responses.refusal(out, statusLine)
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
