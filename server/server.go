// Package server answers the authorization subrequests of reverse proxies: HTTP/1.x
// in, the decisions of a [core.Keyring] out.
//
//	srv := server.New(keyring, server.Options{})
//	err := srv.Serve(ctx, listener)
//
// GET /auth is answered with 200, 401, 403 or 500, and GET /health with 200. The
// scopes that a request needs are in the query of the URL, as in
// /auth?scope=metrics, or in the field X-Auth-Scope.
//
// A request is parsed in internal/http1, and the bytes are moved in internal/engine.
// This package says what lies between: which route a request names (route.go),
// what the keyring decides (current.go), what the response is (response.go),
// and what is logged (audit.go) and counted (stats.go).
//
// Every buffer that a request was read into is the server's own, and it is wiped
// before it is used again or given back, incomplete requests included.
package server

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/server/internal/engine"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// Options are the settings of a Server. The zero value stands for all the defaults.
type Options struct {
	// Logger gets a line for each denial, for each grant at level DEBUG, and for each
	// limit that is reached. The default is slog.Default().
	Logger *slog.Logger
	// HeadTimeout limits the time from the first byte of a request's head to its last,
	// and the time that a client may take to accept a response. The default is 10
	// seconds.
	HeadTimeout time.Duration
	// IdleTimeout limits the time between the requests of a connection. It should
	// be longer than the proxy's. Otherwise a request may meet a connection that is
	// being closed. The default is 75 seconds.
	IdleTimeout time.Duration
	// DrainTimeout limits the time from the end of Serve's context to its return. The
	// default is 5 seconds.
	DrainTimeout time.Duration
	// MaxConnections limits the connections that are open. At the limit, the one that
	// has been idle longest makes room for a new one. The default is 16384.
	MaxConnections int
	// MaxHeaderBytes limits the request line, and the sum of all fields, in bytes. A
	// longer line is answered with 414, and larger fields with 431. The default is 8192,
	// which is also the least; the most is 61440.
	MaxHeaderBytes int
	// MaxHeldBytes limits the memory that all incomplete requests and unread responses
	// hold together. At the limit, the oldest of them is given up. The default is 64
	// MiB.
	MaxHeldBytes int64
	// Loops is the number of event loops, which serve the connections on Linux. The
	// default is what GOMAXPROCS is before Serve raises it.
	Loops int
	// Measure makes the server time its decisions, and count the uses of each token,
	// for [Server.Stats]. The default is not to.
	Measure bool
	// Accept says where a request may carry a token. The default is an Authorization
	// field, as Bearer.
	Accept core.Accept
	// Realm is what challenges name; see [core.CheckRealm]. The default is none, and for
	// Basic [core.DefaultRealm]. [New] panics if it is not valid.
	Realm string
	// Identity says what the response to a granted request tells of the owner of the
	// token; see [core.ParseIdentity]. The default is the principal alone.
	Identity core.Identity
	// Now is the clock that tokens expire by. The default is time.Now.
	Now func() time.Time
}

// A Server answers authorization subrequests with the decisions of its keyring.
type Server struct {
	options Options
	audit   *audit
	engine  *engine.Engine[http1.Exchange]

	mu       sync.Mutex
	workers  int        // that there have been
	currents []*current // one for each worker that may be deciding
	keyring  *core.Keyring
	ledger   ledger
	listed   []core.TokenInfo // what Tokens returns, once it was asked for
}

// New returns a Server that decides by keyring. The keyring may be nil: then every
// authorization request is answered with 500 until [Server.SetKeyring] brings one.
// The server owns the keyring from now on.
func New(keyring *core.Keyring, options Options) *Server {
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	setDefault(&options.HeadTimeout, 10*time.Second)
	setDefault(&options.IdleTimeout, 75*time.Second)
	setDefault(&options.DrainTimeout, 5*time.Second)
	setDefault(&options.MaxConnections, 16384)
	options.MaxHeaderBytes = min(max(options.MaxHeaderBytes, int(http1.DefaultLimit)), int(http1.MaxLimit))
	setDefault(&options.MaxHeldBytes, 64<<20)
	setDefault(&options.Loops, engine.Processors())
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Realm != "" {
		if err := core.CheckRealm(options.Realm); err != nil {
			panic("server: " + err.Error()) // it could end a response's head
		}
	}
	s := &Server{options: options, audit: newAudit(options.Logger), keyring: keyring}
	s.ledger = s.newLedger(keyring)
	s.engine = engine.New(engine.Options{
		Logger:         options.Logger,
		MessageTimeout: options.HeadTimeout,
		IdleTimeout:    options.IdleTimeout,
		DrainTimeout:   options.DrainTimeout,
		MaxConnections: options.MaxConnections,
		MaxHeldBytes:   options.MaxHeldBytes,
		MaxMessage:     http1.Limit(options.MaxHeaderBytes).MaxHead(),
		Loops:          options.Loops,
	}, func() engine.Respond[http1.Exchange] { return s.newWorker().respond })
	return s
}

func setDefault[T time.Duration | int | int64](value *T, fallback T) {
	if *value == 0 {
		*value = fallback
	}
}

// Serve accepts connections on all listeners, which it takes over and closes, until
// ctx is done. Then it stops accepting, answers what has arrived, closes connections
// as they fall idle, and returns nil, at the latest after the drain timeout. Any
// other end is an error; then, too, all listeners are closed. A Server serves once.
//
// On Linux, Serve raises GOMAXPROCS while it runs, to one more than there are event
// loops in all Servers of the process, unless it is higher. Go's scheduler then leaves the
// loops their processors while they wait for events. When the last Serve has
// returned, GOMAXPROCS is what it was before. Nothing else has to be set.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	defer s.audit.end()
	return s.engine.Serve(ctx, listeners...)
}

func (s *Server) newWorker() *worker {
	return &worker{
		current: s.nextCurrent(), audit: s.audit, clock: s.options.Now, accept: s.options.Accept, limit: http1.Limit(s.options.MaxHeaderBytes),
		responses: newResponses(core.Challenges{Schemes: s.options.Accept.Schemes, Realm: s.options.Realm}, s.options.Identity),
	}
}
