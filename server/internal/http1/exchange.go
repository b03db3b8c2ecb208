package http1

// MaxDiscardedBody is the size in bytes of the largest request body that is read and
// thrown away to keep the connection. A larger one is not worth reading.
const MaxDiscardedBody = 64 << 10

// Persistence is what becomes of a connection after a response (RFC 9112 §9.3).
type Persistence uint8

const (
	// KeepSilently keeps an HTTP/1.1 connection, which stays open unless a response
	// says otherwise.
	KeepSilently Persistence = iota
	// KeepAloud keeps an HTTP/1.0 connection, which ends unless a response says
	// otherwise.
	KeepAloud
	// Close ends the connection, and the response says so.
	Close
)

// A Step is what [Exchange.Next] has found.
type Step uint8

const (
	// HeadMissing says that the head has not arrived whole.
	HeadMissing Step = iota
	// BodyMissing says that the head is complete, and that the rest of a body is worth
	// waiting for.
	BodyMissing
	// Complete says that the request can be answered.
	Complete
	// Refused says that the request has a fault.
	Refused
)

// An Exchange is where one connection stands in the protocol. Its zero value is a
// connection that has sent nothing. It holds no bytes of a request.
type Exchange struct {
	// Head is that of the request that has begun.
	Head Head

	headLength int32 // bytes; 0 until the head is complete
	skipped    int32 // bytes of the body that have arrived and been discarded; less than MaxDiscardedBody
}

// A Request is a complete request at the start of a buffer.
type Request struct {
	// HeadLength is how many bytes its head has, and Length those together with the
	// body that follows in the buffer.
	HeadLength, Length int
	// Persistence is what becomes of the connection after the response.
	Persistence Persistence
	// Unread says that the client may still be sending, or has sent more than the
	// request. Closing the connection at once could then cost it the response: the
	// system answers unread bytes with a reset (RFC 9112 §9.6).
	Unread bool
}

// Next looks for the next request in buf, the bytes of x's connection that no
// earlier request had. draining ends the connection with the response. last says
// that no more of a body will be read; then Next never returns BodyMissing.
//
// After HeadMissing, the caller passes the same bytes again, with what follows them.
// After BodyMissing, it passes only the first [Exchange.HeadLength] bytes again, with
// what follows buf. After Complete, it answers the request and then sets x to its
// zero value. After Refused, the connection is of no further use. The limit must be the
// same in all calls.
func (x *Exchange) Next(buf []byte, limit Limit, last, draining bool) (r Request, step Step, f Fault) {
	if x.headLength == 0 {
		length, f := x.Head.Parse(buf, limit)
		switch {
		case f != NoFault:
			return r, Refused, f
		case length == 0:
			return r, HeadMissing, NoFault
		}
		x.headLength = int32(length)
	}
	headLength := int(x.headLength)
	behind := int64(len(buf) - headLength)
	missing := x.Head.contentLength - int64(x.skipped)
	persistence := x.Head.persistence(draining)
	if persistence != Close && behind < missing {
		if !last {
			x.skipped += int32(behind)
			return r, BodyMissing, NoFault
		}
		// A faulty proxy may announce a body and never send it. The next request on
		// the connection would then wait for that body.
		persistence = Close
	}
	length := headLength + int(min(behind, missing))
	return Request{
		HeadLength: headLength, Length: length, Persistence: persistence,
		Unread: behind < missing || x.Head.codings > 0 || length < len(buf),
	}, Complete, NoFault
}

// HeadLength is the number of bytes of a head whose body is missing.
func (x *Exchange) HeadLength() int { return int(x.headLength) }

// persistence says what becomes of the connection after the request, provided that
// its body has arrived. If the client may hold the body back (RFC 9110 §10.1.1), it
// is unclear where the next request would begin.
func (h *Head) persistence(draining bool) Persistence {
	switch {
	case draining, !h.keepsOpen(), h.codings > 0, h.contentLength > MaxDiscardedBody,
		h.expectContinue && h.contentLength > 0:
		return Close
	case h.Minor == 0:
		return KeepAloud
	}
	return KeepSilently
}

// keepsOpen reports whether the client wants the connection to stay open
// (RFC 9112 §9.3).
func (h *Head) keepsOpen() bool {
	if h.connectionClose {
		return false
	}
	return h.Minor > 0 || h.connectionKeep
}
