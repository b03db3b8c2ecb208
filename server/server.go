// Package server answers the subrequests of reverse proxies: HTTP/1.x bytes
// in, the verdict of a [core.Keyring] out.
//
// Bytes are parsed into a request head (head.go), the head names a route
// (route.go), the keyring decides (core), and the decision becomes a response
// (response.go). That much is pure and lies between exchange.advance's bytes
// in and bytes out. Around it, an event loop for each processor moves the
// bytes on Linux (loop_linux.go), and a goroutine for each connection
// elsewhere (portable.go).
//
// Every buffer that a request was read into is the server's own and is wiped
// before it is used again or given back, incomplete requests included.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concrete-security/auth-service/core"
)

// Options are the settings of a Server. A zero field stands for the default
// named beside it.
type Options struct {
	Logger         *slog.Logger     // slog.Default()
	HeadTimeout    time.Duration    // 10 s: from a request's first byte to its last, and for a client to take a response
	IdleTimeout    time.Duration    // 75 s: between requests; longer than the proxy's, or the two race
	DrainTimeout   time.Duration    // 5 s: from the end of Serve's context to its return at the latest
	MaxConnections int              // 16384: at the limit, the connection that has been idle longest makes room
	MaxHeldBytes   int64            // 64 MiB: for all incomplete requests and unread responses together; the oldest goes first
	Loops          int              // GOMAXPROCS: event loops, on Linux
	Measure        bool             // false: time verdicts and count the uses of each principal, for Stats
	Now            func() time.Time // time.Now: the clock that tokens expire by
}

const (
	// lingerTime is how long a closed connection's other end may go on
	// sending before it is cut off.
	lingerTime = 2 * time.Second
	// bodyGrace is how long the rest of a small body may take once the body has
	// begun to arrive. All but the smallest come in several segments.
	bodyGrace = 100 * time.Millisecond
	// acceptPause is how long no connection is accepted after an error of the
	// system's that would be there again at once.
	acceptPause = 10 * time.Millisecond
	// drainGrace is how long idle connections stay open when the server
	// stops, for requests that are under way.
	drainGrace = 250 * time.Millisecond
)

// A Server answers authorization subrequests with the verdicts of its keyring.
type Server struct {
	options     Options
	audit       *audit
	conditions  conditions
	held        holdings
	connections atomic.Int64
	monotonic   func() int64 // nanoseconds since New, for deadlines; tests set it

	mu       sync.Mutex
	currents []*current // one for each worker that may be in a verdict
	keyring  *core.Keyring
	uses     map[string]uint64 // of the principals, under earlier keyrings
}

// New returns a Server that decides by keyring, which may be nil: then every
// request is answered 500 until [Server.SetKeyring] brings one. The server owns
// the keyring from now on.
func New(keyring *core.Keyring, options Options) *Server {
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	setDefault(&options.HeadTimeout, 10*time.Second)
	setDefault(&options.IdleTimeout, 75*time.Second)
	setDefault(&options.DrainTimeout, 5*time.Second)
	setDefault(&options.MaxConnections, 16384)
	setDefault(&options.MaxHeldBytes, 64<<20)
	setDefault(&options.Loops, runtime.GOMAXPROCS(0))
	if options.Now == nil {
		options.Now = time.Now
	}
	start := time.Now()
	return &Server{
		options: options, audit: newAudit(options.Logger), held: holdings{limit: options.MaxHeldBytes},
		monotonic: func() int64 { return int64(time.Since(start)) },
		keyring:   keyring, uses: map[string]uint64{},
	}
}

func setDefault[T time.Duration | int | int64](value *T, fallback T) {
	if *value == 0 {
		*value = fallback
	}
}

// Serve accepts connections on all listeners, which it takes over and closes,
// until ctx is done. Then it stops accepting, answers what has arrived, closes
// connections as they fall idle, and returns nil, at the latest after the
// drain timeout. Any other end is an error. A Server serves once.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	if len(listeners) == 0 {
		return errors.New("no listener to serve on")
	}
	return s.serve(ctx, listeners)
}

// SetKeyring makes the server decide by another keyring, which it then owns,
// from now on: when SetKeyring returns, no verdict uses the old one any more,
// and its digests are wiped. It may be called at any time.
func (s *Server) SetKeyring(keyring *core.Keyring) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.currents {
		c.Lock()
		s.retainUses(c)
		c.use(keyring)
		c.Unlock()
	}
	s.keyring.Wipe()
	s.keyring = keyring
	s.forgetUses()
}

// newCurrent returns the keyring in use for a worker, or for all that share it.
func (s *Server) newCurrent() *current {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &current{tally: tally{measures: s.options.Measure}}
	c.use(s.keyring)
	s.currents = append(s.currents, c)
	return c
}

func (s *Server) newWorker() worker {
	return worker{current: s.newCurrent(), audit: s.audit}
}
