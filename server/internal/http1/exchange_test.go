package http1

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core/vectors"
)

// stream is what comes in on one connection.
type stream struct {
	exchange Exchange
	held     []byte
	found    []string // what was found, in order
	ended    bool
}

// push hands over more bytes. last says that nothing of a body follows them.
func (s *stream) push(more []byte, last, draining bool) {
	s.held = append(s.held, more...)
	for !s.ended && len(s.held) > 0 {
		r, step, f := s.exchange.Next(s.held, DefaultLimit, last, draining)
		switch step {
		case HeadMissing:
			return
		case BodyMissing:
			s.held = s.held[:s.exchange.HeadLength():s.exchange.HeadLength()]
			return
		case Refused:
			s.found = append(s.found, fmt.Sprint(statusOf(f)))
			s.ended = true
			return
		}
		what := string(s.exchange.Head.Path.Of(s.held)) + []string{"", " aloud", " close"}[r.Persistence]
		if r.Persistence == Close && r.Unread {
			what += " unread"
		}
		if r.Length <= 0 { // it would be found for ever
			s.found = append(s.found, "nothing")
			s.ended = true
			return
		}
		s.found = append(s.found, what)
		s.ended = r.Persistence == Close
		s.held = s.held[r.Length:]
		s.exchange = Exchange{}
	}
}

// statusOf is the status that answers a fault.
func statusOf(f Fault) int {
	return [Faults]int{BadRequest: 400, URITooLong: 414, FieldsTooLarge: 431, UnsupportedCoding: 501, UnsupportedVersion: 505}[f]
}

// inPieces returns what is found if pieces arrive one after the other. Of a body,
// nothing is waited for behind the last one.
func inPieces(draining bool, pieces ...[]byte) ([]string, bool) {
	s := &stream{}
	for _, piece := range pieces {
		s.push(piece, false, draining)
	}
	s.push(nil, true, draining)
	return s.found, s.ended
}

const get = "GET /a HTTP/1.1\r\nHost: a\r\n"

// TestNext says what is found on a connection, and in what state it is left. Where
// a request ends does not depend on how it arrives.
func TestNext(t *testing.T) {
	t.Parallel()
	body := func(n int, rest string) string {
		return fmt.Sprintf("%sContent-Length: %d\r\n\r\n", get, n) + rest
	}
	for name, c := range map[string]struct {
		in   string
		want string
		open bool
	}{
		"nothing":                    {"", "", true},
		"a part of a head":           {get, "", true},
		"a request":                  {get + "\r\n", "/a", true},
		"two requests":               {get + "\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n", "/a,/b", true},
		"a request and a part":       {get + "\r\nGET /b", "/a", true},
		"a request and a fault":      {get + "\r\n\r\n", "/a,400", false},
		"HTTP/1.0":                   {"GET /a HTTP/1.0\r\n\r\n", "/a close", false},
		"HTTP/1.0, kept":             {"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "/a aloud", true},
		"HTTP/1.0, closed and kept":  {"GET /a HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "/a close", false},
		"closed":                     {get + "Connection: close\r\n\r\n", "/a close", false},
		"closed, in a list":          {get + "Connection: x , CLOSE,y\r\n\r\n", "/a close", false},
		"closed, in another field":   {get + "Connection: x\r\nconnection:close\r\n\r\n", "/a close", false},
		"not closed by another word": {get + "Connection: closed, keep-alive\r\n\r\n", "/a", true},
		"closed, and more follows":   {get + "Connection: close\r\n\r\nG", "/a close unread", false},
		"a body of nothing":          {body(0, ""), "/a", true},
		"a body":                     {body(5, "12345"), "/a", true},
		"a body and a request":       {body(5, "12345"+get+"\r\n"), "/a,/a", true},
		"a body too short":           {body(5, "1234"), "/a close unread", false},
		"no body":                    {body(5, ""), "/a close unread", false},
		"the largest body":           {body(MaxDiscardedBody, strings.Repeat("x", MaxDiscardedBody)), "/a", true},
		"a body too large":           {body(MaxDiscardedBody+1, strings.Repeat("x", MaxDiscardedBody+1)), "/a close", false},
		"a body too large, missing":  {body(MaxDiscardedBody+1, ""), "/a close unread", false},
		"a length twice":             {get + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "/a", true},
		"a body of chunks":           {get + "Transfer-Encoding: chunked\r\n\r\n", "/a close unread", false},
		"a body that is held back":   {get + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx", "/a close", false},
		"no body that is held back":  {get + "Expect: 100-continue\r\n\r\n", "/a", true},
		"another expectation":        {get + "Expect: 100-continued\r\nContent-Length: 1\r\n\r\nx", "/a", true},
		"closed with its body":       {get + "Connection: close\r\nContent-Length: 1\r\n\r\nx", "/a close", false},
		"closed without its body":    {get + "Connection: close\r\nContent-Length: 2\r\n\r\nx", "/a close unread", false},
		"two bodies":                 {body(3, "123") + body(4, "1234"), "/a,/a", true},
		"a fault":                    {"GET\r\n", "400", false},
	} {
		for cut := range len(c.in) + 1 {
			if len(c.in) > 1000 && cut > 100 && cut < len(c.in)-10 {
				continue
			}
			got, ended := inPieces(false, []byte(c.in[:cut]), []byte(c.in[cut:]))
			want := c.want
			if cut > 0 && len(got) > 0 { // the rest may not have arrived by then
				got[len(got)-1] = strings.TrimSuffix(got[len(got)-1], " unread")
				want = strings.TrimSuffix(want, " unread")
			}
			if strings.Join(got, ",") != want || ended == c.open {
				t.Errorf("%s, cut at %d: %q, ended %v; want %q", name, cut, got, ended, c.want)
				break
			}
		}
	}
}

// TestNextWhileDraining: every request is then the connection's last, and its body
// is not waited for.
func TestNextWhileDraining(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		get + "\r\n":                                        "/a close",
		get + "\r\n" + get:                                  "/a close unread",
		get + "Content-Length: 1\r\n\r\n":                   "/a close unread",
		get + "Content-Length: 1\r\n\r\nx":                  "/a close",
		get + "Content-Length: 1\r\n\r\nxy":                 "/a close unread",
		"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n": "/a close",
	} {
		if got, ended := inPieces(true, []byte(in)); strings.Join(got, ",") != want || !ended {
			t.Errorf("%q: %q, ended %v; want %q", in, got, ended, want)
		}
	}
}

// TestNextKeepsTheHead: a body is discarded piece by piece, and the head stays.
func TestNextKeepsTheHead(t *testing.T) {
	t.Parallel()
	head := get + "Content-Length: 10\r\n\r\n"
	var x Exchange
	for i, c := range []struct {
		behind string
		last   bool
		want   Step
		length int
		unread bool
	}{
		{"", false, BodyMissing, 0, false},
		{"123", false, BodyMissing, 0, false},
		{"", false, BodyMissing, 0, false},
		{"456789", false, BodyMissing, 0, false},
		{"", true, Complete, len(head), true},
		{"0", false, Complete, len(head) + 1, false},
		{"0GET", false, Complete, len(head) + 1, true},
	} {
		r, step, f := x.Next([]byte(head+c.behind), DefaultLimit, c.last, false)
		if step != c.want || f != NoFault || r.Length != c.length || r.Unread != c.unread || x.HeadLength() != len(head) {
			t.Errorf("%d: %+v, step %d, fault %d, a head of %d bytes; want %+v", i, r, step, f, x.HeadLength(), c)
		}
	}
}

// TestExchanges asks of the table's requests what this package decides about: which
// of them are refused, how many there are, and whether the connection stays open.
func TestExchanges(t *testing.T) {
	t.Parallel()
	refusals := []int{400, 414, 431, 501, 505}
	checked := map[int]int{} // by status, 0 for those that are not refused
	check := func(e *vectors.Exchange, wanted [][]int) {
		found, ended := inPieces(false, e.Request)
		if len(found) < len(wanted) {
			t.Errorf("%s (%s): only %q", e.ID, e.Note, found)
			return
		}
		for i, want := range wanted {
			refused := slices.DeleteFunc(slices.Clone(want), func(status int) bool { return !slices.Contains(refusals, status) })
			var status int
			if _, err := fmt.Sscan(found[i], &status); err != nil {
				status = 0
			}
			checked[status]++
			if status == 0 && len(refused) == len(want) || status > 0 && !slices.Contains(refused, status) {
				t.Errorf("%s (%s): %q is response %d, want %v", e.ID, e.Note, found[i], i, want)
			}
		}
		if e.After != vectors.Either && ended != (e.After == vectors.Closed) {
			t.Errorf("%s (%s): ended %v", e.ID, e.Note, ended)
		}
	}
	for _, e := range vectors.Requests() {
		wanted := e.Statuses()
		check(&e, wanted)
		if found, _ := inPieces(false, e.Request); len(found) != len(wanted) {
			t.Errorf("%s (%s): %q, want %d responses", e.ID, e.Note, found, len(wanted))
		}
	}
	for _, e := range vectors.Recorded() {
		if wanted := e.Statuses(); len(wanted) > 0 && !slices.ContainsFunc(wanted[0], func(status int) bool { return status == 408 }) {
			check(&e, wanted)
		}
	}
	for _, status := range append(refusals, 0) {
		if checked[status] == 0 {
			t.Errorf("no response %d is among them", status)
		}
	}
}
