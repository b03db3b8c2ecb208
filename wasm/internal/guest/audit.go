package guest

import (
	"strconv"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/hearsay"
)

// A Level says what a line in the host's log is about.
type Level uint8

const (
	// Debug is for a request that passes.
	Debug Level = iota
	// Warning is for a denial.
	Warning
	// Error is for what denies every request until somebody changes it.
	Error

	// Levels is the number of distinct Levels, for tables indexed by one.
	Levels = int(Error) + 1
)

// burst is how many lines about denials an instance writes in a second. One that sums up
// the rest comes with the first request after that, because an instance has no timer.
const burst = 20

// maxLine is room for the longest line. In quotes, a value may have twice its length.
const maxLine = 2560

// An outcome is a decision, and what was in the way of another.
type outcome struct {
	core.Decision
	// why is empty if the decision is core's own.
	why string
}

// level returns that of a line about an outcome.
func (o *outcome) level() Level {
	switch o.Reason {
	case core.Granted:
		return Debug
	case core.Unconfigured:
		return Error
	default:
		return Warning
	}
}

// An audit writes a line about a decision to the host's log, in the words of the service.
// begin begins the line, other methods say more of the request, and end writes it. The
// memory of a line is used again, so that denials allocate nothing.
type audit struct {
	log     func(level Level, message string)
	enabled [Levels]bool

	second     int64 // of the window
	written    int   // lines in the window
	suppressed [core.Reasons]uint64
	summarize  bool // there are suppressed ones

	level Level
	line  []byte
	value []byte // one of the line's
}

func newAudit(log func(level Level, message string), enabled func(level Level) bool) audit {
	a := audit{log: log, line: make([]byte, 0, maxLine), value: make([]byte, 0, hearsay.Most)}
	for level := range a.enabled {
		a.enabled[level] = enabled(Level(level))
	}
	return a
}

// at takes note of the Unix second of a request. When a second is over, at sums up what
// was not written in it.
func (a *audit) at(now int64) {
	if now == a.second {
		return
	}
	a.second, a.written = now, 0
	if !a.summarize {
		return
	}
	a.line = a.line[:0]
	a.put("more decisions than are logged one by one")
	for reason, n := range a.suppressed {
		if n > 0 {
			a.value = strconv.AppendUint(a.value[:0], n, 10)
			a.add(core.Reason(reason).String())
		}
	}
	level := Warning
	if a.suppressed[core.Unconfigured] > 0 { // as each of them would be
		level = Error
	}
	a.suppressed, a.summarize = [core.Reasons]uint64{}, false
	a.log(level, text(a.line))
}

// begin begins the line about an outcome. It returns false if none is to be written.
func (a *audit) begin(o *outcome) bool {
	a.level = o.level()
	if !a.enabled[a.level] || o.Reason != core.Granted && !a.admit(o.Reason) {
		return false
	}
	message := "authentication failed"
	switch {
	case o.Granted():
		message = "authentication succeeded"
	case o.Reason == core.Unconfigured && o.why == "":
		message = "no usable token is configured"
	}
	a.line = a.line[:0]
	a.put(message)
	a.known("reason", o.Reason.String())
	a.known("why", o.why)
	a.known("principal", o.Principal)
	if o.Principal != "" {
		a.value = o.Key.Append(a.value[:0])
		a.add("key")
	}
	return true
}

// admit reports whether a line about a denial may be written, and counts it if not.
func (a *audit) admit(reason core.Reason) bool {
	if a.written < burst {
		a.written++
		return true
	}
	a.suppressed[reason]++
	a.summarize = true
	return false
}

// client says where a request comes from. It returns false if that is no address.
func (a *audit) client(address []byte) bool {
	if !hearsay.IsAddress(address) {
		return false
	}
	a.value = append(a.value[:0], hearsay.WithoutPort(address)...)
	a.add("client")
	return true
}

func (a *audit) method(method []byte) { a.say("method", method, false) }

func (a *audit) host(host []byte) { a.say("host", host, hearsay.IsHost(host)) }

func (a *audit) uri(uri []byte) {
	if len(uri) > 0 {
		a.value = hearsay.Append(a.value[:0], hearsay.PathOf(uri), false)
		a.add("uri")
	}
}

func (a *audit) requestID(id []byte) { a.say("request_id", id, hearsay.IsRequestID(id)) }

// say adds a value that a client may have written. known says that it is no token.
func (a *audit) say(name string, value []byte, known bool) {
	if len(value) > 0 {
		a.value = hearsay.Append(a.value[:0], value, known)
		a.add(name)
	}
}

// end writes the line.
func (a *audit) end() { a.log(a.level, text(a.line)) }

// known adds a value that no client wrote.
func (a *audit) known(name, value string) {
	if value != "" {
		a.value = append(a.value[:0], value...)
		a.add(name)
	}
}

// add adds the value, which has no control byte, as package log/slog writes it.
func (a *audit) add(name string) {
	a.put(" ")
	a.put(name)
	a.put("=")
	quote := len(a.value) == 0
	for _, c := range a.value {
		quote = quote || c == ' ' || c == '=' || c == '"'
	}
	if !quote {
		a.put(text(a.value))
		return
	}
	a.put(`"`)
	for i, c := range a.value {
		if c == '"' || c == '\\' {
			a.put(`\`)
		}
		a.put(text(a.value[i : i+1]))
	}
	a.put(`"`)
}

// put adds a text to the line. It is not inlined because that would make a module larger.
//
//go:noinline
func (a *audit) put(s string) { a.line = append(a.line, s...) }
