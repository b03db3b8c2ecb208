package engine

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// The protocol of the tests is about lines. A message is a line, and its response
// is another one:
//
//	ask TEXT    yes TEXT
//	skip N      yes, when the N bytes behind the line are skipped
//	else        what, and the connection ends
//
// A response that is the connection's last ends in bye. A message that does not end
// gets late or crowded.
const (
	ask      = "ask me something that is long enough to be cut in two\n"
	asked    = "yes me"
	response = 100 // bytes of each response, with padding
)

// toy is where a connection stands in this protocol.
type toy struct{ skipped int }

// newToy returns a responder of the protocol.
func newToy() Respond[toy] {
	ticked := false
	return func(e Event, c *Conn[toy], in, out []byte) Result {
		switch e.Kind {
		case Tick:
			ticked = true
			return Result{}
		case Late:
			return Result{Out: say(out, "late", true)}
		case Crowded:
			return Result{Out: say(out, "crowded", true)}
		}
		if !ticked {
			panic("no tick before the first event")
		}
		return c.State.answer(e, in, out)
	}
}

func (t *toy) answer(e Event, in, out []byte) Result {
	consumed := 0
	for {
		line, rest, complete := bytes.Cut(in[consumed:], []byte{'\n'})
		switch {
		case !complete:
			return Result{Out: out, Consumed: consumed, Next: Read}
		case len(out) > 8<<10:
			return Result{Out: out, Consumed: consumed, Next: Again}
		}
		length, final := len(line)+1, e.Draining
		word, text, _ := strings.Cut(string(line), " ")
		switch word {
		case "ask":
			out = say(out, "yes "+text[:min(2, len(text))], final)
		case "skip":
			wanted, err := strconv.Atoi(text)
			if err != nil {
				panic(err)
			}
			if missing := wanted - t.skipped; len(rest) < missing {
				if e.Kind != Ended && !final {
					t.skipped += len(rest)
					return Result{Out: out, Consumed: consumed, Keep: length, Next: Skip}
				}
				final = true
				length += len(rest)
			} else {
				length += missing
			}
			t.skipped = 0
			out = say(out, "yes", final)
		default:
			return Result{Out: say(out, "what", true), Consumed: len(in), Next: CloseLastly}
		}
		if consumed += length; final {
			return Result{Out: out, Consumed: len(in), Next: CloseLastly}
		}
	}
}

// say appends a response.
func say(out []byte, text string, final bool) []byte {
	end := "\n"
	if final {
		end = "bye\n"
	}
	return append(out, text+" "+strings.Repeat(".", response-len(text)-len(end)-1)+end...)
}

// firstWord is what a response says.
func firstWord(response string) string {
	word, _, _ := strings.Cut(response, " ")
	return word
}

// isLast reports whether a response says that the connection ends.
func isLast(response string) bool { return strings.HasSuffix(response, "bye\n") }

// testOptions fills in what a test does not set.
func testOptions(o Options) Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for field, value := range map[*time.Duration]time.Duration{&o.MessageTimeout: 10 * time.Second, &o.IdleTimeout: 75 * time.Second, &o.DrainTimeout: 5 * time.Second} {
		if *field == 0 {
			*field = value
		}
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 16384
	}
	if o.MaxHeldBytes == 0 {
		o.MaxHeldBytes = 64 << 20
	}
	if o.Loops == 0 {
		o.Loops = 2
	}
	o.MaxMessage = 32 << 10
	return o
}

// start serves until the test ends or stop is called, which fails the test if Serve
// does.
func start(t testing.TB, k enginetest.Kind, o Options) (address string, stop func()) {
	t.Helper()
	l := enginetest.Listen(t)
	return l.Addr().String(), serve(t, o, k.Wrap(l))
}

// serve serves until the test ends or stop is called.
func serve(t testing.TB, o Options, l net.Listener) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	e := New(testOptions(o), newToy)
	go func() { done <- e.Serve(ctx, l) }()
	stopped := false
	stop = func() {
		cancel()
		if stopped {
			return
		}
		stopped = true
		enginetest.Ended(t, done)
	}
	t.Cleanup(stop)
	return stop
}

// readResponse reads one response and nothing of what follows.
func readResponse(t testing.TB, c net.Conn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, response)
	if n, err := io.ReadFull(c, b); err != nil {
		t.Fatalf("after %q: %v", b[:n], err)
	}
	return string(b)
}
