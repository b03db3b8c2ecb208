package vectors

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An Exchange is bytes that are sent to a server over a connection of their
// own, and what must come back.
type Exchange struct {
	// ID is unique in its table.
	ID string
	// Group is what kind of case it is.
	Group string
	// Note says what the case is about.
	Note string
	// Server names what the server is started with, which many cases share:
	// Config and Keyring.
	Server string
	// Config is the server's environment. The values may be of any bytes.
	Config map[string]string
	// Keyring is the text of the server's keyring, or nil where there is none.
	Keyring []byte
	// Request is what is sent, all at once.
	Request []byte
	// After is what becomes of the connection after the last response.
	After End

	expect   []expectation
	contract []string
	health   bool
}

// An End is what becomes of a connection.
type End string

// The ends. A server that closes may close its side alone; what counts is
// that the client reads the end of the stream.
const (
	// Either: the contract leaves it, or it takes a time-out to know.
	Either End = ""
	// Open: the server waits for more.
	Open End = "open"
	// Closed: the server has closed the connection.
	Closed End = "closed"
)

// What a contract says where nothing comes back.
const (
	noResponse            = "no response"
	closedWithoutResponse = "closed without response"
)

// expectation is one response of testdata/requests.jsonl.
type expectation struct {
	// Status is one status code, or several where each will do.
	Status statuses `json:"status"`
	// Fields are values that must be there exactly so and once; null is for a
	// field that must not be there. What all responses must have in common is
	// not repeated here, see checkForm.
	Fields map[string]*Text `json:"fields"`
	Body   Text             `json:"body"`
	// Challenges are the values of the WWW-Authenticate fields in their order, where
	// they are not those of a server with default settings.
	Challenges []string `json:"challenges"`
	// Head: it answers a HEAD request, so no body follows.
	Head bool `json:"head"`
}

type statuses []int

func (s *statuses) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(data, []byte("[")) {
		data = slices.Concat([]byte("["), data, []byte("]"))
	}
	return decodeStrict(data, (*[]int)(s))
}

// exchangeLine is a line of either table.
type exchangeLine struct {
	ID      string        `json:"id"`
	Group   string        `json:"group"`
	Note    string        `json:"note"`
	Server  string        `json:"server"`
	Request *Text         `json:"request"`
	Expect  []expectation `json:"expect"`
	After   End           `json:"after"`

	// Contract and Health are for testdata/recorded.jsonl: what the first
	// response may be, and whether a 200 is that of /health.
	Contract []string `json:"contract"`
	Health   bool     `json:"health"`
}

// serverTable is testdata/servers.json.
type serverTable map[string]struct {
	Config  map[string]Text `json:"config"`
	Keyring []Text          `json:"keyring"` // lines without their ends
}

// Requests returns the table of raw requests that hold a server to what it
// promises: the deviations from the service that it replaces, the limits and
// the rules of connections.
func Requests() []Exchange { return mustExchanges("requests.jsonl") }

// Recorded returns the requests that were sent to the service that this one
// replaces. The table does not have what that service answered, only which answers
// the contract allows. Only the first response is compared.
func Recorded() []Exchange { return mustExchanges("recorded.jsonl") }

func mustExchanges(name string) []Exchange {
	exchanges, err := decodeExchanges(read("servers.json"), read(name))
	if err != nil {
		panic(fmt.Errorf("%s: %w", name, err))
	}
	return exchanges
}

func decodeExchanges(servers, data []byte) ([]Exchange, error) {
	var table serverTable
	if err := decodeStrict(servers, &table); err != nil {
		return nil, fmt.Errorf("servers.json: %w", err)
	}
	var exchanges []Exchange
	for line := range bytes.Lines(data) {
		var l exchangeLine
		if err := decodeStrict(line, &l); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(exchanges)+1, err)
		}
		if err := l.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", l.ID, err)
		}
		server, ok := table[l.Server]
		if !ok {
			return nil, fmt.Errorf("%s: no server of the name %q", l.ID, l.Server)
		}
		e := l.exchange()
		for name, value := range server.Config {
			e.Config[name] = string(value)
		}
		if server.Keyring != nil {
			e.Keyring = append(bytes.Join(toBytes(server.Keyring), []byte("\n")), '\n')
		}
		exchanges = append(exchanges, e)
	}
	return exchanges, checkNames(exchanges, func(e *Exchange) string { return e.ID })
}

func (l *exchangeLine) check() error {
	switch {
	case l.Group == "" || l.Note == "":
		return errors.New("no group or no note")
	case l.Request == nil:
		return errors.New("no request")
	case (l.Expect == nil) == (l.Contract == nil):
		return errors.New("neither an expectation nor a contract, or both")
	case !slices.Contains([]End{Either, Open, Closed}, l.After):
		return fmt.Errorf("the end %q, which there is not", l.After)
	}
	for i, e := range l.Expect {
		if len(e.Status) == 0 {
			return fmt.Errorf("no status for response %d", i)
		}
	}
	for _, word := range l.Contract {
		if _, err := strconv.Atoi(word); err != nil && word != noResponse && word != closedWithoutResponse {
			return fmt.Errorf("%q in the contract", word)
		}
	}
	return nil
}

func (l *exchangeLine) exchange() Exchange {
	return Exchange{
		ID:       l.ID,
		Group:    l.Group,
		Note:     l.Note,
		Server:   l.Server,
		Config:   map[string]string{},
		Request:  *l.Request,
		After:    l.After,
		expect:   l.Expect,
		contract: l.Contract,
		health:   l.Health,
	}
}

// Complete reports whether all responses have been received, so that no
// more than the end of the connection need be waited for. Where nothing is to
// come back, nothing is complete from the start.
func (e *Exchange) Complete(received []byte) bool {
	responses, _, err := e.responses(received)
	if e.contract != nil {
		return err != nil || len(responses) > 0
	}
	return err != nil || len(responses) >= len(e.expect)
}

// Statuses returns, for each response that must come, the status codes that it may
// have. Of what was recorded, only the first response is known.
func (e *Exchange) Statuses() (all [][]int) {
	for _, want := range e.expect {
		all = append(all, want.Status)
	}
	var first []int
	for _, word := range e.contract {
		if status, err := strconv.Atoi(word); err == nil {
			first = append(first, status)
		}
	}
	if first != nil {
		all = append(all, first)
	}
	return all
}

// Check compares all bytes that were received, and whether the server has
// closed the connection, with what must come back.
func (e *Exchange) Check(received []byte, closed bool) error {
	responses, rest, err := e.responses(received)
	if err != nil {
		return fmt.Errorf("%s: response %d: %w", e.Note, len(responses)+1, err)
	}
	for i, r := range responses {
		if err := r.checkForm(); err != nil {
			return fmt.Errorf("%s: response %d: %w", e.Note, i+1, err)
		}
		if i < len(responses)-1 && r.closes() {
			return fmt.Errorf("%s: a response behind one with Connection: close", e.Note)
		}
	}
	if e.contract != nil {
		err = e.checkContract(responses, closed)
	} else {
		err = e.checkExpected(responses, rest, closed)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e.Note, err)
	}
	return nil
}

func (e *Exchange) responses(received []byte) (responses []response, rest []byte, err error) {
	for len(received) > 0 {
		i := len(responses)
		head := bytes.HasPrefix(e.Request, []byte("HEAD ")) && i == 0
		if e.contract == nil {
			head = i < len(e.expect) && e.expect[i].Head
		}
		r, rest, complete, err := nextResponse(received, head)
		if err != nil || !complete {
			return responses, received, err
		}
		if i < len(e.expect) {
			r.challenges = e.expect[i].Challenges
		}
		responses, received = append(responses, r), rest
	}
	return responses, nil, nil
}

func (e *Exchange) checkExpected(responses []response, rest []byte, closed bool) error {
	if len(responses) != len(e.expect) || len(rest) > 0 {
		return fmt.Errorf("%d responses %v and %d bytes more, want %d responses",
			len(responses), statusesOf(responses), len(rest), len(e.expect))
	}
	for i, want := range e.expect {
		if err := want.check(responses[i]); err != nil {
			return fmt.Errorf("response %d: %w", i+1, err)
		}
	}
	if e.After != Either && closed != (e.After == Closed) {
		return fmt.Errorf("closed: %t, want the connection %s", closed, e.After)
	}
	return nil
}

func (e *Exchange) checkContract(responses []response, closed bool) error {
	word := noResponse
	if closed {
		word = closedWithoutResponse
	}
	if len(responses) > 0 {
		word = strconv.Itoa(responses[0].status)
	}
	if !slices.Contains(e.contract, word) {
		return fmt.Errorf("%s, want %s", word, strings.Join(e.contract, " or "))
	}
	if word == "200" && responses[0].isHealth() != e.health {
		return fmt.Errorf("a 200 of /health: %t, want %t", !e.health, e.health)
	}
	return nil
}

func (want *expectation) check(got response) error {
	if !slices.Contains(want.Status, got.status) {
		return fmt.Errorf("status %d, want %v", got.status, want.Status)
	}
	for name, value := range want.Fields {
		values := got.fields[strings.ToLower(name)]
		switch {
		case value == nil && len(values) > 0:
			return fmt.Errorf("%s: %q, want none", name, values)
		case value != nil && (len(values) != 1 || values[0] != string(*value)):
			return fmt.Errorf("%s: %q, want one of %q", name, values, *value)
		}
	}
	if !bytes.Equal(got.body, want.Body) {
		return fmt.Errorf("body %q, want %q", got.body, want.Body)
	}
	return nil
}

func statusesOf(responses []response) []int {
	var list []int
	for _, r := range responses {
		list = append(list, r.status)
	}
	return list
}
