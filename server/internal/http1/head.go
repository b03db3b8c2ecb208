package http1

import (
	"bytes"

	"github.com/concrete-security/auth-service/internal/httptext"
)

// A Limit is the largest size, in bytes, of a request line with its CRLF, and of all
// field lines together, of which the names and the trimmed values count.
type Limit int

const (
	// DefaultLimit is the contract of the service that this one replaces.
	DefaultLimit Limit = 8192
	// MaxLimit is the largest Limit.
	MaxLimit Limit = 60 << 10
	// MaxFieldLines is the largest number of field lines. A Head counts them in uint8.
	MaxFieldLines = 99
)

// MaxHead is the largest size of a head, in bytes, with all line ends. It keeps
// whitespace around values, which the limit does not count, from growing without bound.
func (l Limit) MaxHead() int { return 2*int(l) + 16<<10 }

// MaxScopeFields is how many X-Auth-Scope field lines a [Head] finds.
const MaxScopeFields = 8

// A Fault says why a request is refused before anybody asks what it means. The
// connection is of no use after it, because nobody knows where the next request
// begins.
type Fault uint8

const (
	// NoFault says that nothing is wrong. It is the zero Fault.
	NoFault Fault = iota
	// BadRequest says that the head does not follow the grammar of the package: 400.
	BadRequest
	// URITooLong says that the request line exceeds the [Limit]: 414.
	URITooLong
	// FieldsTooLarge says that the fields exceed the [Limit] or [MaxFieldLines], or the
	// head [Limit.MaxHead]: 431.
	FieldsTooLarge
	// UnsupportedCoding says that the body has a transfer coding other than chunked: 501.
	UnsupportedCoding
	// UnsupportedVersion says that the version is HTTP, but not 1.0 or 1.1: 505.
	UnsupportedVersion

	// Faults is the number of distinct Faults, for tables indexed by one.
	Faults = int(UnsupportedVersion) + 1
)

// A Span is a part of the buffer that holds a head. It has offsets instead of a
// slice, because the buffer may be another one at the next call. The zero Span is
// empty.
type Span struct{ start, end uint32 }

// Of returns the part of buf that s stands for, buf being a buffer that begins with
// the head.
func (s Span) Of(buf []byte) []byte { return buf[s.start:s.end] }

// A Head is a request head, parsed as far as it has arrived. Its zero value is
// ready for [Head.Parse]. It holds no bytes of the request, only where they are.
//
// Of the fields it notes those that matter to the service. The values of the
// others are checked and forgotten. A field that is missing has an empty Span.
type Head struct {
	Method   Span
	Path     Span // of the request-target, without scheme, authority and query
	Query    Span // of the request-target, behind the "?"
	HasQuery bool // there is a "?", and Query may still be empty
	Minor    byte // of the version, HTTP/1.Minor

	Authorization      Span  // value of the first field line of this name
	AuthorizationCount uint8 // its field lines
	// ScopeFieldCount is the number of X-Auth-Scope field lines. ScopeFields are the
	// values of the first of them, in order, at most [MaxScopeFields].
	ScopeFieldCount uint8
	ScopeFields     [MaxScopeFields]Span

	fieldLines      uint8
	hosts           uint8
	codings         uint8 // Transfer-Encoding field lines
	lengthDigits    uint8 // of the Content-Length; 0 if there is none
	expectContinue  bool
	connectionClose bool
	connectionKeep  bool

	next          int // start of the first line that is not complete
	scanned       int // that line has no LF before this
	fieldSum      int
	contentLength int64
}

// Parse goes on with a head of which buf holds all bytes that have arrived, those
// of earlier calls first. It returns the head's length in bytes once it is
// complete, and 0 while bytes are missing. After a fault, h is of no further use.
// Parse allocates nothing and looks at each byte once, except for the last,
// incomplete line. The limit must be the same in all calls.
func (h *Head) Parse(buf []byte, limit Limit) (length int, f Fault) {
	for {
		line, complete, f := h.nextLine(buf, limit)
		if f != NoFault || !complete {
			return 0, f
		}
		start := h.next
		h.next += len(line) + len("\r\n")
		h.scanned = h.next
		switch {
		case start == 0:
			f = h.requestLine(line)
		case len(line) == 0:
			if f = h.finish(); f == NoFault {
				return h.next, NoFault
			}
		default:
			f = h.fieldLine(line, start, limit)
		}
		if f != NoFault {
			return 0, f
		}
	}
}

// nextLine returns the next line without its CRLF. Of a line that is not
// complete it says whether it can still become a good one, so that a client
// that never ends its line is answered.
func (h *Head) nextLine(buf []byte, limit Limit) (line []byte, complete bool, f Fault) {
	most, tooLong := limit.MaxHead(), FieldsTooLarge
	if h.next == 0 {
		most, tooLong = int(limit), URITooLong
	}
	visible := buf[:min(len(buf), most)]
	end := bytes.IndexByte(visible[h.scanned:], '\n')
	if end < 0 {
		rest := visible[h.scanned:]
		if len(rest) > 0 && rest[len(rest)-1] == '\r' {
			rest = rest[:len(rest)-1] // its LF may follow
		}
		if len(visible) == most {
			return nil, false, tooLong
		}
		if !httptext.IsText(rest) {
			return nil, false, BadRequest
		}
		h.scanned += len(rest)
		if h.next > 0 && h.exceeds(limit, visible[h.next:h.scanned]) {
			return nil, false, FieldsTooLarge
		}
		return nil, false, NoFault
	}
	end += h.scanned
	if end == h.next || visible[end-1] != '\r' {
		return nil, false, BadRequest // RFC 9112 §2.2: a bare LF may end a line; it may also hide one
	}
	return visible[h.next : end-1], true, NoFault
}

// exceeds reports whether an incomplete field line is already too long, whatever
// follows.
func (h *Head) exceeds(limit Limit, line []byte) bool {
	if h.fieldSum+len(line) <= int(limit) {
		return false
	}
	name, value, _ := bytes.Cut(line, []byte{':'})
	return h.fieldSum+len(name)+len(httptext.Trim(value)) > int(limit)
}

// finish checks what only the whole head shows.
func (h *Head) finish() Fault {
	switch {
	case h.hosts > 1, h.hosts == 0 && h.Minor > 0: // RFC 9112 §3.2
		return BadRequest
	case h.codings > 1, h.codings > 0 && h.lengthDigits > 0: // RFC 9112 §6.1: a smuggling attempt
		return BadRequest
	}
	return NoFault
}
