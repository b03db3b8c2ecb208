package server

import (
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/server/internal/engine"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// outputMark is how many bytes of responses may gather before they are
// written, so that a flood of pipelined requests takes no memory.
const outputMark = 8 << 10

// worker turns bytes into responses, for one connection at a time. It knows
// nothing of sockets. It belongs to one goroutine.
type worker struct {
	current   *current
	audit     *audit
	clock     func() time.Time
	accept    core.Accept
	limit     http1.Limit
	responses responses
	scopes    []byte // of the request at hand
	now       int64  // Unix seconds
}

// peer is the other end of a connection.
type peer interface{ Address() string }

// unknownPeer is the other end of a connection that is turned away.
type unknownPeer struct{}

func (unknownPeer) Address() string { return "" }

// respond is the [engine.Respond] of a worker.
func (w *worker) respond(e engine.Event, c *engine.Conn[http1.Exchange], in, out []byte) engine.Result {
	switch e.Kind {
	case engine.Tick:
		w.setTime(w.clock())
		return engine.Result{}
	case engine.Late:
		why := requestTimeout
		if e.Draining {
			why = stopped
		}
		return engine.Result{Out: w.refuse(out, why, nil, c)}
	case engine.Crowded:
		if c == nil { // it was never a connection of the engine's
			return engine.Result{Out: w.refuse(out, tooMany, nil, unknownPeer{})}
		}
		return engine.Result{Out: w.refuse(out, overloaded, nil, c)}
	}
	return w.advance(&c.State, in, out, c, e.Kind == engine.Ended, e.Draining)
}

func (w *worker) setTime(now time.Time) {
	w.now = now.Unix()
	w.responses.setTime(now)
}

// advance answers the requests in in, the bytes of x's connection that were
// not consumed before and those that have arrived since. It appends the
// responses to out. draining makes every response the connection's last. last
// says that no more of a body will be read.
func (w *worker) advance(x *http1.Exchange, in, out []byte, p peer, last, draining bool) engine.Result {
	consumed := 0
	for {
		buf := in[consumed:]
		if len(buf) == 0 {
			return engine.Result{Out: out, Consumed: consumed, Next: engine.Read}
		}
		if len(out) > outputMark {
			return engine.Result{Out: out, Consumed: consumed, Next: engine.Again}
		}
		r, step, f := x.Next(buf, w.limit, last, draining)
		switch step {
		case http1.HeadMissing:
			return engine.Result{Out: out, Consumed: consumed, Next: engine.Read}
		case http1.BodyMissing:
			return engine.Result{Out: out, Consumed: consumed, Next: engine.Skip, Keep: x.HeadLength()}
		case http1.Refused:
			return engine.Result{Out: w.refuse(out, faults[f], buf, p), Consumed: len(in), Next: engine.CloseLastly}
		}
		out = w.answer(&x.Head, buf[:r.HeadLength], out, p, r.Persistence)
		consumed += r.Length
		*x = http1.Exchange{}
		if r.Persistence == http1.Close {
			next := engine.CloseNow
			if r.Unread {
				next = engine.CloseLastly
			}
			return engine.Result{Out: out, Consumed: len(in), Next: next}
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
		request := core.Request{
			Authorization:      h.Authorization.Of(buf),
			AuthorizationCount: int(h.AuthorizationCount),
			Schemes:            w.accept.Schemes,
			Scopes:             w.scopes,
			Now:                w.now,
		}
		if len(w.accept.Fields) > 0 {
			addFields(&request, w.accept.Fields, buf)
		}
		d := w.current.authorize(&request)
		w.audit.decided(d, h, buf, p)
		return w.responses.verdict(out, d, w.scopes, c)
	case routeHealth:
		switch string(h.Method.Of(buf)) {
		case httptext.MethodGet:
			w.audit.asked(buf, p)
			w.current.tally.others.Add(1)
			return w.responses.healthy(out, true, c)
		case httptext.MethodHead:
			w.audit.asked(buf, p)
			w.current.tally.others.Add(1)
			return w.responses.healthy(out, false, c)
		}
		return w.refuseOnly(out, wrongMethod, h, buf, p, c)
	}
	return w.refuseOnly(out, notFound, h, buf, p, c)
}

// refuseOnly appends the response to a request that is understood and not served.
func (w *worker) refuseOnly(out []byte, r refusal, h *http1.Head, buf []byte, p peer, c http1.Persistence) []byte {
	w.current.tally.refusal(r)
	w.audit.refused(r, h, buf, p)
	return w.responses.refusal(out, r, c)
}

// addFields notes the fields of a head that may carry a token.
func addFields(r *core.Request, names []string, head []byte) {
	for name, value := range http1.Fields(head) {
		for i, wanted := range names {
			if httptext.EqualFold(name, wanted) {
				r.AddField(i, value)
			}
		}
	}
}

// refuse appends the response to what nobody can know the meaning of. The connection
// ends with it. What is left of the connection's bytes is buf.
func (w *worker) refuse(out []byte, r refusal, buf []byte, p peer) []byte {
	w.current.tally.refusal(r)
	w.audit.faulty(r, buf, p)
	return w.responses.refusal(out, r, http1.Close)
}
