package engine

// Respond is the protocol that an Engine serves: it turns what has happened on a
// connection into what is sent, and into what the engine does next. c is the
// connection, in the bytes that have arrived and that no earlier call has consumed,
// and out is empty.
//
// Respond appends what is to be sent to out and returns it in the Result. It must
// not block, and it must not keep in, out or c, because all of them are used again
// after it has returned.
//
// The engine wipes in after the call, and out after it is sent. Respond must leave
// no other copy: neither in memory of its own, nor in an array that append has
// outgrown, nor on the stack and in registers (see package secret).
//
// When Draining is set, what Respond sends must tell the client that the connection
// ends with it, and the Result must end it.
type Respond[S any] func(e Event, c *Conn[S], in, out []byte) Result

// An Event is what has happened on a connection.
type Event struct {
	Kind Kind
	// Draining says that the connection is to end with its next response.
	Draining bool
}

// A Kind says what sort of event happened.
type Kind uint8

const (
	// Tick says that time has passed since the last call. It comes before the other
	// events of a wake-up. It concerns no connection: c, in and out are nil, and the
	// Result does not matter. A protocol that needs the time of day reads the clock
	// here, once for many messages.
	Tick Kind = iota
	// Data says that bytes have arrived: in is not empty.
	Data
	// Ended says that no more of what is skipped will arrive in time; see [Skip]. in
	// begins with what was kept. The Result must not ask to skip more of it.
	Ended
	// Late says that a message has taken longer than the timeout. Respond appends a
	// last response. in is nil. The connection ends whatever the Result says.
	Late
	// Crowded is like Late. It says that the connection must make room for others. If
	// the connection is one that could not be admitted, c is nil.
	Crowded
)

// A Result is what the engine does after an event.
type Result struct {
	// Out is what Respond was given, with what is to be sent.
	Out []byte
	// Consumed is how many bytes of in are done with. The engine passes those behind
	// them again, with what arrives after them.
	Consumed int
	// Keep is how many bytes behind the consumed ones a [Skip] keeps. It is at
	// least 1.
	Keep int
	// Next is what follows when out is sent.
	Next Next
}

// Next says what the engine does with a connection after its response is sent.
type Next uint8

const (
	// Read waits for more bytes. If some are not consumed, a message has begun, and
	// its time is limited; otherwise the connection is idle.
	Read Next = iota
	// Again calls Respond again at once, with the bytes that are not consumed. It
	// keeps responses from piling up.
	Again
	// Skip is for a message that can be answered from its beginning, but whose rest
	// should be read before the next one. The engine keeps Result.Keep bytes and
	// discards the bytes behind them. It reads what is there, and passes the kept
	// bytes again with it, as Data. If the rest has begun to arrive, the engine waits
	// for it, but not for long. When that is over, or if nothing of the rest is
	// there, it passes the kept bytes with the event Ended.
	Skip
	// CloseNow closes the connection. Nothing more can be on its way from the client.
	CloseNow
	// CloseLastly closes the sending side, and reads for a while before it closes the
	// other. The client may still be sending. If bytes came in on a closed socket, the
	// system would answer with a reset, and the client might never see its response.
	CloseLastly
)

// A Conn is a connection as Respond sees it.
type Conn[S any] struct {
	// State is the protocol's. It begins as the zero value.
	State S

	peer peer
}

// peer is the other end of a connection.
type peer interface{ address() string }

// Address is the IP address of the other end, or empty for a unix socket.
func (c *Conn[S]) Address() string { return c.peer.address() }
