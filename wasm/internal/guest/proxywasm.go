package guest

import (
	"io"
	"unsafe"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/identity"
)

// A ProxyHost has the functions of a proxy-wasm host that a [ProxyWasm] calls, and
// those of WASI. All of them must be set.
type ProxyHost struct {
	// Configuration gives that many bytes of the configuration of a plugin.
	Configuration func(size uint32) Answer
	// RequestFields gives all fields of the request; see [ReadHead].
	RequestFields func() Answer
	// ReplaceRequestField replaces the request's field of that name, or adds it.
	ReplaceRequestField func(name, value string) (ok bool)
	// RemoveRequestField removes the request's fields of that name. It is ok if
	// there is none: of a name that the client sent twice nothing may be left at
	// the second time.
	RemoveRequestField func(name string) (ok bool)
	// Respond answers the request. detail is for the host's log, and fields are in
	// the form of [AppendPairs].
	Respond func(status uint32, detail string, fields []byte)
	// Log writes a line to the host's log.
	Log func(level Level, message string)
	// Property gives what the host knows of a request under a name.
	Property func(name string) Answer
	// DefineCounter makes a counter, or finds the one of that name. It is not ok if
	// the host has none.
	DefineCounter func(name string) (counter uint32, ok bool)
	// Count adds one to a counter.
	Count func(counter uint32)

	// Random is the source of the salt.
	Random io.Reader
	// Now is the Unix second. It is not ok if the host has no clock.
	Now func() (seconds int64, ok bool)
}

// An Answer says where a host has put data that it was asked for. Before it answers,
// the host takes a place for the data from [ProxyWasm.Allocate].
type Answer struct {
	// OK says that the host has done what it was asked for.
	OK bool
	// Address is where the data begins.
	Address uintptr
	// Size is the length of the data, or 0 if there is none.
	Size uint32
}

// A ProxyWasm is the verifier as an instance of a proxy-wasm module. All plugins
// that a proxy configures with the module share it, and all requests of a thread.
// It has a method for each callback of the ABI that has something to do.
// Only Host must be set.
type ProxyWasm struct {
	// Host is the host of the instance.
	Host ProxyHost

	plugins map[uint32]*Plugin // by root context
	streams map[uint32]stream  // by stream context
	buffer  Buffer

	audit    audit
	counters counters
	property [maxProperty]byte
	asked    bool // what the host gives now is a property

	response   []byte // the fields of a denial
	connection []byte // the remaining options of the Connection fields
	denier     Plugin // never configured
}

type stream struct {
	plugin  *Plugin
	granted bool
}

// Allocate gives the host a place for data that it was asked for, or nil if the data
// is too long. The host calls it within a call of its own functions.
func (p *ProxyWasm) Allocate(size uint32) []byte {
	switch {
	case p.asked && size > maxProperty:
		return nil
	case p.asked:
		return p.property[:size]
	}
	return p.buffer.Take(size, MaxFields)
}

// Create begins a context: that of a plugin, if root is 0, or that of a stream, which
// is a request of the plugin with that context.
func (p *ProxyWasm) Create(context, root uint32) {
	if root == 0 {
		p.addPlugin(context)
		return
	}
	if p.streams == nil {
		p.streams = map[uint32]stream{}
	}
	p.streams[context] = stream{plugin: p.plugins[root]}
}

// Configure configures a plugin with size bytes that the host has. It logs what is
// wrong with the configuration, and the plugin then denies everything.
func (p *ProxyWasm) Configure(root, size uint32) {
	p.counters.define(p.Host.DefineCounter)
	plugin := p.plugins[root]
	if plugin == nil {
		plugin = p.addPlugin(root)
	}
	configuration, ok := p.configuration(size)
	if !ok {
		plugin.Wipe()
		p.Host.Log(Error, denyingEverything+"the configuration cannot be read")
	} else if err := plugin.Configure(p.Host.Random, configuration); err != nil {
		p.Host.Log(Error, denyingEverything+err.Error())
	}
	p.buffer.Release()
}

// addPlugin makes a plugin with that context.
func (p *ProxyWasm) addPlugin(context uint32) *Plugin {
	if p.plugins == nil {
		p.plugins = map[uint32]*Plugin{}
	}
	plugin := &Plugin{}
	p.plugins[context] = plugin
	return plugin
}

// configuration asks for a plugin's configuration, which is in the buffer.
func (p *ProxyWasm) configuration(size uint32) ([]byte, bool) {
	if size == 0 {
		return nil, true
	}
	p.buffer.Release()
	answer := p.Host.Configuration(size)
	return given(p.buffer.Taken(), answer)
}

// RequestHeaders decides on the request of a stream. It changes the request if that
// may pass, and otherwise answers it.
func (p *ProxyWasm) RequestHeaders(context uint32) (pass bool) {
	s := p.streams[context]
	s.granted = p.authorize(s.plugin)
	p.buffer.Release()
	if _, known := p.streams[context]; known {
		p.streams[context] = s
	}
	return s.granted
}

// Passes reports whether RequestHeaders has let the request of a stream pass. A host
// that goes on with a request that was answered learns here that it must not.
func (p *ProxyWasm) Passes(context uint32) bool { return p.streams[context].granted }

// Delete ends a context. The streams that a plugin leaves are denied.
func (p *ProxyWasm) Delete(context uint32) {
	delete(p.streams, context)
	if plugin := p.plugins[context]; plugin != nil {
		plugin.Wipe()
		delete(p.plugins, context)
	}
}

// authorize decides on the request that the host is at, and tells it what to
// do. It reports whether the request may pass.
func (p *ProxyWasm) authorize(plugin *Plugin) bool {
	p.buffer.Release()
	if plugin == nil {
		plugin = &p.denier
	}
	answer := p.Host.RequestFields()
	pairs, ok := given(p.buffer.Taken(), answer)
	head, wellFormed := ReadHead(pairs, plugin.Accept())
	now, clock := p.Host.Now()
	o := outcome{}
	switch { // what cannot be understood is denied
	case !ok || !wellFormed:
		plugin, o.why = &p.denier, noFields
	case !clock:
		plugin, o.why = &p.denier, noClock
	}
	o.Decision = plugin.Authorize(&head.Request, now)
	if o.Granted() {
		o = p.pass(plugin, head, o.Decision)
	}
	p.counters.count(o.Reason, p.Host.Count)
	if clock {
		p.log().at(now)
	}
	if !o.Granted() {
		p.report(&o, head)
		p.deny(plugin, o.Reason)
	}
	return o.Granted()
}

// What is in the way of a decision.
const (
	noFields       = "the host did not give the fields of the request, or they are too long"
	noClock        = "the host has no clock"
	noChange       = "the host did not change the fields of the request"
	longConnection = "the Connection fields are too long"
)

// given is what the host has answered. It must lie in the memory that was taken for
// it.
func given(memory []byte, a Answer) ([]byte, bool) {
	switch {
	case !a.OK:
		return nil, false
	case a.Size == 0:
		return nil, true
	case a.Address != uintptr(unsafe.Pointer(unsafe.SliceData(memory))), uint64(a.Size) > uint64(len(memory)):
		return nil, false
	}
	return memory[:a.Size], true
}

// pass sets the identity fields of a granted request, and removes all others that
// may be mistaken for one. If that fails, it denies the request.
func (p *ProxyWasm) pass(plugin *Plugin, head Head, d core.Decision) outcome {
	connection, named, ok := head.AppendConnection(p.connection[:0])
	p.connection = connection
	if !ok {
		return outcome{core.Decision{Reason: core.Malformed}, longConnection}
	}
	done := head.Remove(plugin.StripsAuthorization(), p.remove) && plugin.Tell(d, p.Host.ReplaceRequestField) &&
		(!named || p.replaceConnection(connection))
	if !done {
		return outcome{core.Decision{Reason: core.Unconfigured}, noChange}
	}
	return outcome{Decision: d}
}

func (p *ProxyWasm) remove(name []byte) bool { return p.Host.RemoveRequestField(text(name)) }

// replaceConnection replaces all Connection fields with one. If there are several,
// some hosts replace only the first.
func (p *ProxyWasm) replaceConnection(value []byte) bool {
	return p.Host.RemoveRequestField(identity.Connection) &&
		(len(value) == 0 || p.Host.ReplaceRequestField(identity.Connection, text(value)))
}

// log returns the audit. The host's log shows warnings, or drops them. ABI 0.2.0 has no
// way to ask which, so only denials are written; what passes is in the host's own log.
func (p *ProxyWasm) log() *audit {
	if p.audit.log == nil {
		p.audit = newAudit(p.Host.Log, func(Level) bool { return true })
	}
	return &p.audit
}

// report writes a line about a denial.
func (p *ProxyWasm) report(o *outcome, head Head) {
	line := p.log()
	if !line.begin(o) {
		return
	}
	said := head.said()
	if !line.client(p.peer()) {
		line.client(firstOf(said.forwardedFor))
	}
	line.method(said.method)
	line.host(said.host)
	line.uri(said.uri)
	line.requestID(said.requestID)
	line.end()
}

const (
	// source names the address of the client, as the host knows it. Envoy knows which
	// proxies before it to believe.
	source      = "source\x00address"
	maxProperty = 256
)

// peer returns the address of the client, if the host tells it.
func (p *ProxyWasm) peer() []byte {
	p.asked = true
	answer := p.Host.Property(source)
	p.asked = false
	address, _ := given(p.property[:], answer)
	return address
}

func (p *ProxyWasm) deny(plugin *Plugin, reason core.Reason) {
	var fields []byte
	challenges, detail := plugin.Denial(reason)
	if len(challenges) > 0 {
		p.response = AppendPairs(p.response[:0], ChallengeName, challenges)
		fields = p.response
	}
	p.Host.Respond(uint32(reason.Status()), detail, fields)
}
