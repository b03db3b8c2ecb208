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
	// LogError writes a line to the host's log.
	LogError func(message string)

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
func (p *ProxyWasm) Allocate(size uint32) []byte { return p.buffer.Take(size, MaxFields) }

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
	plugin := p.plugins[root]
	if plugin == nil {
		plugin = p.addPlugin(root)
	}
	configuration, ok := p.configuration(size)
	if !ok {
		plugin.Wipe()
		p.Host.LogError(denyingEverything + "the configuration cannot be read")
	} else if err := plugin.Configure(p.Host.Random, configuration); err != nil {
		p.Host.LogError(denyingEverything + err.Error())
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
	return p.data(p.Host.Configuration(size))
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
	pairs, ok := p.data(answer)
	head, wellFormed := ReadHead(pairs, plugin.Accept())
	now, clock := p.Host.Now()
	if !ok || !wellFormed || !clock {
		plugin = &p.denier // what cannot be understood is denied
	}
	d := plugin.Authorize(&head.Request, now)
	if d.Granted() {
		if d = p.pass(plugin, head, d); d.Granted() {
			return true
		}
	}
	p.deny(plugin, d.Reason)
	return false
}

// data is what the host has answered. It must lie in the buffer that was taken for
// it.
func (p *ProxyWasm) data(a Answer) ([]byte, bool) {
	buffer := p.buffer.Taken()
	switch {
	case !a.OK:
		return nil, false
	case a.Size == 0:
		return nil, true
	case a.Address != uintptr(unsafe.Pointer(unsafe.SliceData(buffer))), uint64(a.Size) > uint64(len(buffer)):
		return nil, false
	}
	return buffer[:a.Size], true
}

// pass sets the identity fields of a granted request, and removes all others that
// may be mistaken for one. If that fails, it denies the request.
func (p *ProxyWasm) pass(plugin *Plugin, head Head, d core.Decision) core.Decision {
	connection, named, ok := head.AppendConnection(p.connection[:0])
	p.connection = connection
	if !ok {
		return core.Decision{Reason: core.Malformed}
	}
	done := head.Remove(plugin.StripsAuthorization(), p.remove) && plugin.Tell(d, p.Host.ReplaceRequestField) &&
		(!named || p.replaceConnection(connection))
	if !done {
		return core.Decision{Reason: core.Unconfigured} // the proxy did not do as it was told
	}
	return d
}

func (p *ProxyWasm) remove(name []byte) bool { return p.Host.RemoveRequestField(text(name)) }

// replaceConnection replaces all Connection fields with one. If there are several,
// some hosts replace only the first.
func (p *ProxyWasm) replaceConnection(value []byte) bool {
	return p.Host.RemoveRequestField(identity.Connection) &&
		(len(value) == 0 || p.Host.ReplaceRequestField(identity.Connection, text(value)))
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
