// Package engine moves bytes between connections and a function that answers them.
// It accepts connections, reads, writes, waits and gives up; what the bytes mean
// is for the function alone ([Respond]).
//
// On Linux an event loop for each processor serves the connections (loop_linux.go).
// Elsewhere, and for listeners without a descriptor, a goroutine for each
// connection does (portable.go).
//
// # Nothing stays in memory
//
// What arrives may be secret. All buffers are the engine's own. They are
// wiped as soon as the function has answered, and incomplete messages are wiped
// when they are complete or given up. The event loops run undisturbed
// ([secret.Undisturbed]), so neither the runtime nor a signal copies what they work
// on.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"
)

const (
	// lingerTime is how long a closed connection's other end may go on
	// sending before it is cut off.
	lingerTime = 2 * time.Second
	// skipGrace is how long the rest of what is skipped may take once it has begun to
	// arrive. All but the shortest comes in several segments.
	skipGrace = 100 * time.Millisecond
	// acceptPause is how long no connection is accepted after an error of the
	// system's that would be there again at once.
	acceptPause = 10 * time.Millisecond
	// drainGrace is how long idle connections stay open when the engine
	// stops, for messages that are under way.
	drainGrace = 250 * time.Millisecond
)

// Options are the settings of an Engine. All of them must be set.
type Options struct {
	// Logger gets a line about each condition that keeps the engine from serving as it
	// should: connections that cannot be accepted, limits that are reached. A lasting
	// condition is logged once in ten seconds.
	Logger *slog.Logger
	// MessageTimeout limits the time from a message's first byte to its last, and the
	// time that a client may take to accept a response.
	MessageTimeout time.Duration
	// IdleTimeout limits the time between messages.
	IdleTimeout time.Duration
	// DrainTimeout limits the time from the end of Serve's context to its return.
	DrainTimeout time.Duration
	// MaxConnections limits the connections that are open. At the limit, the one that
	// has been idle longest makes room for a new one.
	MaxConnections int
	// MaxHeldBytes limits what all incomplete messages and unsent responses hold
	// together. At the limit, the oldest is given up.
	MaxHeldBytes int64
	// MaxMessage is the length of the longest incomplete message. Respond must not ask
	// for more bytes of a message that is as long.
	MaxMessage int
	// Loops is the number of event loops, on Linux.
	Loops int
}

// An Engine serves connections, each of which has a state S. It serves once.
type Engine[S any] struct {
	options      Options
	newResponder func() Respond[S]
	conditions   conditions
	held         holdings
	connections  atomic.Int64
	ebb          ebb
	monotonic    func() int64 // nanoseconds since New, for deadlines; tests set it
}

// New returns an Engine. It calls newResponder once for each goroutine that answers,
// and each Respond that this returns in its own goroutine only.
func New[S any](options Options, newResponder func() Respond[S]) *Engine[S] {
	start := time.Now()
	return &Engine[S]{
		options: options, newResponder: newResponder,
		conditions: conditions{logger: options.Logger}, held: holdings{limit: options.MaxHeldBytes}, ebb: newEbb(),
		monotonic: func() int64 { return int64(time.Since(start)) },
	}
}

// Serve accepts connections on all listeners, which it takes over and closes, until
// ctx is done. Then it stops accepting, answers what has arrived, closes connections
// as they fall idle, and returns nil, at the latest after the drain timeout. Any
// other end is an error.
//
// On Linux, Serve raises GOMAXPROCS for as long as it runs: see [Processors].
func (e *Engine[S]) Serve(ctx context.Context, listeners ...net.Listener) error {
	if len(listeners) == 0 {
		return errors.New("no listener to serve on")
	}
	return e.serve(ctx, listeners)
}

// Connections is the number of connections that are open now.
func (e *Engine[S]) Connections() int64 { return e.connections.Load() }

// Held is the number of bytes that incomplete messages and unsent responses hold now.
func (e *Engine[S]) Held() int64 { return e.held.held() }
