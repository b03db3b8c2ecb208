package wipehttp

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/internal/secret"
)

// MaxConnections is how many connections a server has open at most. One more
// replaces the connection that has been idle longest, so a client that holds all
// of them keeps nobody out.
const MaxConnections = 64

// maxHead is the size of the longest head, in bytes.
const maxHead = 8 << 10

// A Server answers requests for some paths with a handler. The handler sees nothing of
// a request but what a [Request] holds.
type Server struct {
	handler Handler
	paths   []string
	logger  *slog.Logger

	idle, head, write, linger time.Duration

	mu     sync.Mutex
	closed bool
	conns  map[*conn]bool // true: it is being answered
}

type conn struct {
	net.Conn
	since time.Time // when it was accepted, or its last answer was written
}

// New returns a server that answers paths with handler, and all others with 404.
func New(handler Handler, logger *slog.Logger, paths ...string) *Server {
	return &Server{
		handler: handler, paths: paths, logger: logger, conns: map[*conn]bool{},
		// A scraper that asks less often connects again.
		idle: 30 * time.Second,
		head: 5 * time.Second, write: 30 * time.Second, linger: time.Second,
	}
}

// Serve accepts connections until the server is closed; then it returns nil. Any
// number of listeners may be served at the same time.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close() //nolint:errcheck // nothing is left to do
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			if c := s.admit(nc); c != nil {
				go s.serve(c)
			}
		case s.isClosed():
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accepting connections: %w", err)
		default: // out of descriptors, or a client that is gone: both pass
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// Close closes all connections. The caller closes the listeners.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.conns {
		_ = c.Close()
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// admit makes room for a connection; it returns nil if the server is closed.
func (s *Server) admit(nc net.Conn) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = nc.Close()
		return nil
	}
	if len(s.conns) >= MaxConnections {
		victim := s.longestIdle()
		delete(s.conns, victim)
		_ = victim.Close()
	}
	c := &conn{Conn: nc, since: time.Now()}
	s.conns[c] = false
	return c
}

// longestIdle returns the connection that has waited longest for its next request
// to be complete. If all are being answered, it returns the one that has waited
// longest for its answer.
func (s *Server) longestIdle() (longest *conn) {
	for c, busy := range s.conns {
		switch {
		case longest == nil, s.conns[longest] && !busy:
			longest = c
		case busy == s.conns[longest] && c.since.Before(longest.since):
			longest = c
		}
	}
	return longest
}

// set notes whether c is being answered, and since when it is not. It returns
// false if c had to make room.
func (s *Server) set(c *conn, busy bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.conns[c]; !there {
		return false
	}
	s.conns[c] = busy
	if !busy {
		c.since = time.Now()
	}
	return true
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	_ = c.Close()
}

// serve answers one connection's requests.
func (s *Server) serve(c *conn) {
	defer s.forget(c)
	r := reader{Conn: c.Conn, server: s, buffer: make([]byte, maxHead)}
	defer func() { secret.Wipe(r.buffer) }()
	for {
		q, fault, ok := r.next()
		if !ok || !s.set(c, true) {
			return
		}
		q.last = q.last || fault != 0
		answer := s.answer(q, fault)
		_ = c.SetWriteDeadline(time.Now().Add(s.write))
		if _, err := c.Write(answer.bytes(q)); err != nil {
			return
		}
		if !s.set(c, false) {
			return
		}
		if q.last {
			secret.Wipe(r.buffer[:r.held])
			discard(c, r.buffer, s.linger)
			return
		}
	}
}

// A reader reads the heads of a connection's requests.
type reader struct {
	net.Conn
	server *Server
	buffer []byte
	held   int // bytes of it that belong to the next request
}

// next returns the next question, or the status that refuses a request. It returns
// false if there is nothing to answer. It wipes what it read of the request.
func (r *reader) next() (q question, fault int, ok bool) {
	begun := time.Now()
	for {
		if q, fault, ok = r.take(); ok {
			return q, fault, true
		}
		deadline := begun.Add(r.server.head)
		if r.held == 0 {
			deadline = begun.Add(r.server.idle)
		}
		_ = r.SetReadDeadline(deadline)
		n, err := r.Read(r.buffer[r.held:])
		if r.held == 0 {
			begun = time.Now()
		}
		if r.held += n; err == nil {
			continue
		}
		if r.held == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return q, 0, false
		}
		secret.Wipe(r.buffer[:r.held])
		r.held = 0
		return q, httptext.StatusRequestTimeout, true
	}
}

// take takes a question out of the buffer, if there is one.
func (r *reader) take() (q question, fault int, complete bool) {
	secret.Uninterrupted(func() {
		var length int
		q, length, fault = parse(r.buffer[:r.held], r.server.paths)
		if length == 0 && fault == 0 && r.held == len(r.buffer) {
			fault = httptext.StatusRequestHeaderFieldsTooLarge
		}
		if fault != 0 {
			length = r.held
		}
		rest := copy(r.buffer, r.buffer[length:r.held])
		secret.Wipe(r.buffer[rest:r.held]) // and the registers
		r.held, complete = rest, length > 0
	})
	return q, fault, complete
}

// answer asks the handler, if the question is for it.
func (s *Server) answer(q question, fault int) (r Response) {
	switch {
	case fault != 0:
		return Response{Status: fault}
	case q.path == "":
		return Response{Status: httptext.StatusNotFound}
	case q.method == "":
		return Response{Status: httptext.StatusMethodNotAllowed, Fields: []Field{{"Allow", "GET, HEAD"}}}
	}
	defer func() {
		if cause := recover(); cause != nil {
			s.logger.Error("the admin listener's handler has failed", "path", q.path, "error", fmt.Sprint(cause))
			r = Response{Status: httptext.StatusInternalServerError}
		}
	}()
	return s.handler(Request{q.path, q.gzip})
}

// discard closes the sending side and keeps reading for a while. If bytes arrived
// on a closed socket, the kernel would send a reset, and the client might never
// see its answer (RFC 9112 §9.6).
func discard(c *conn, buffer []byte, limit time.Duration) {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(limit))
	for {
		n, err := c.Read(buffer)
		secret.Wipe(buffer[:n])
		if err != nil {
			return
		}
	}
}
