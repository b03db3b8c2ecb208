package guest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// A fakeProxy is a host of proxy-wasm that can do all that is wrong.
type fakeProxy struct {
	guest   ProxyWasm
	context uint32 // the last that was created

	configuration []byte
	fields        [][2]string
	now           int64

	pairs   []byte              // what the fields are said to be, if not nil
	change  func(Answer) Answer // what becomes of an answer
	noClock bool
	refuses map[string]bool // the names of fields that cannot be changed
	during  func()          // what happens while the host is asked for the fields

	source     string // the address of the client, if the host tells it
	noCounters bool

	status   int
	detail   string
	sent     [][2]string
	log      []string // of errors in the configuration
	lines    []string // about decisions, with their levels
	counters []string // their names
	counts   map[string]int
}

// levels are how tests write those of a line.
var levels = [Levels]string{Debug: "DEBUG ", Warning: "WARN ", Error: "ERROR "}

func newFakeProxy() *fakeProxy {
	p := &fakeProxy{counts: map[string]int{}}
	p.guest.Host = ProxyHost{
		Configuration: func(size uint32) Answer { return p.give(p.configuration[:min(int(size), len(p.configuration))]) },
		RequestFields: func() Answer {
			if p.during != nil {
				p.during()
			}
			if p.pairs != nil {
				return p.give(p.pairs)
			}
			return p.give(hosttest.EncodePairs(p.fields))
		},
		ReplaceRequestField: func(name, value string) bool {
			if p.refuses[name] {
				return false
			}
			name, value = strings.Clone(name), strings.Clone(value) // they are the guest's
			p.remove(name)
			p.fields = append(p.fields, [2]string{name, value})
			return true
		},
		RemoveRequestField: func(name string) bool { return !p.refuses["-"+name] && p.remove(name) },
		Respond: func(status uint32, detail string, fields []byte) {
			p.status, p.detail, p.sent = int(status), detail, hosttest.DecodePairs(fields)
			if len(fields) > 0 && len(p.sent) == 0 {
				p.detail = "there are fields, of which there is none"
			}
		},
		Log: func(level Level, message string) {
			if message = strings.Clone(message); level == Error && strings.HasPrefix(message, denyingEverything) {
				p.log = append(p.log, message)
				return
			}
			p.lines = append(p.lines, levels[level]+message)
		},
		Property: func(name string) Answer {
			if name != "source\x00address" || p.source == "" {
				return Answer{}
			}
			return p.give([]byte(p.source))
		},
		DefineCounter: func(name string) (uint32, bool) {
			p.counters = append(p.counters, name)
			return uint32(len(p.counters) - 1), !p.noCounters
		},
		Count:  func(counter uint32) { p.counts[p.counters[counter]]++ },
		Random: rand.Reader,
		Now: func() (int64, bool) {
			if p.noClock {
				return 0, false
			}
			return p.now, true
		},
	}
	return p
}

func (p *fakeProxy) give(data []byte) Answer {
	a := Answer{OK: true, Size: uint32(len(data))}
	if len(data) > 0 {
		place := p.guest.Allocate(a.Size)
		copy(place, data)
		a.Address = uintptr(unsafe.Pointer(unsafe.SliceData(place)))
		a.OK = place != nil
	}
	if p.change != nil {
		return p.change(a)
	}
	return a
}

func (p *fakeProxy) remove(name string) bool {
	kept := p.fields[:0:0]
	for _, f := range p.fields {
		if !strings.EqualFold(f[0], name) {
			kept = append(kept, f)
		}
	}
	p.fields = kept
	return true
}

func (p *fakeProxy) configure(configuration []byte) (root uint32) {
	p.context++
	p.guest.Create(p.context, 0)
	p.reconfigure(p.context, configuration)
	return p.context
}

func (p *fakeProxy) reconfigure(root uint32, configuration []byte) {
	p.configuration = configuration
	p.guest.Configure(root, uint32(len(configuration)))
}

// ask returns the status of the response, or 200 if the request may pass.
func (p *fakeProxy) ask(root uint32) (status int, err error) {
	p.context++
	p.status, p.detail, p.sent = 0, "", nil
	p.guest.Create(p.context, root)
	if p.guest.Passes(p.context) {
		return 0, errors.New("it passes before it is decided")
	}
	pass := p.guest.RequestHeaders(p.context)
	if p.guest.Passes(p.context) != pass {
		return 0, errors.New("the body is not treated as the head")
	}
	p.guest.Delete(p.context)
	if p.guest.Passes(p.context) {
		return 0, errors.New("it passes though it is deleted")
	}
	if len(p.guest.buffer.Taken()) > 0 {
		return 0, errors.New("the request is still in the buffer")
	}
	switch {
	case pass && p.status == 0:
		return 200, nil
	case !pass && p.status != 0:
		return p.status, nil
	}
	return 0, fmt.Errorf("pass %t with status %d", pass, p.status)
}

func right() [][2]string {
	return [][2]string{{":path", "/"}, {"authorization", "Bearer " + hosttest.RightToken}}
}

// reasonOf returns the reason in the only line about a decision.
func reasonOf(lines []string) string {
	if len(lines) != 1 {
		return ""
	}
	_, rest, _ := strings.Cut(lines[0], " reason=")
	reason, _, _ := strings.Cut(rest, " ")
	return reason
}
