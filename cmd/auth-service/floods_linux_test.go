package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/internal/limits"
	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// client is one connection to the service.
type client struct {
	net.Conn
	reader *bufio.Reader
}

// reply is what a client looks at in a response.
type reply struct{ status, user string }

func (s *service) connect(t *testing.T) *client {
	t.Helper()
	c, err := net.DialTimeout("tcp", s.address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &client{Conn: c, reader: bufio.NewReaderSize(c, 512)}
}

func authRequest(token string) string {
	return "GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token + "\r\n\r\n"
}

// send and answer may run where FailNow must not be called: what goes wrong
// shows as a reply that is none.
func (c *client) send(t *testing.T, token string) {
	t.Helper()
	if _, err := io.WriteString(c, authRequest(token)); err != nil {
		t.Log(err)
	}
}

// answer reads one response without a body.
func (c *client) answer(t *testing.T) reply {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	lines := textproto.NewReader(c.reader)
	statusLine, err := lines.ReadLine()
	if err != nil {
		return reply{status: err.Error()}
	}
	header, err := lines.ReadMIMEHeader()
	if err != nil {
		return reply{status: err.Error()}
	}
	_, rest, _ := strings.Cut(statusLine, " ")
	status, _, _ := strings.Cut(rest, " ")
	return reply{status: status, user: header.Get("X-Auth-Request-User")}
}

func (c *client) ask(t *testing.T, token string) reply {
	t.Helper()
	c.send(t, token)
	return c.answer(t)
}

// reset ends the connection so that no port waits for its peer (RFC 9293
// §3.5.2): the next test may need as many.
func (c *client) reset(t *testing.T) {
	t.Helper()
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// descriptors counts what the service has open.
func (s *service) descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Process.Pid))
	if err != nil {
		needtest.Missing(t, "reading the descriptors of the process: %v (run the test as root)", err)
	}
	return len(open)
}

// resident is the memory that the service has in use, in bytes.
func (s *service) resident(t *testing.T) int {
	t.Helper()
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.Process.Pid))
	if err != nil {
		needtest.Missing(t, "reading the memory use of the process: %v (run the test as root)", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// awaitDescriptors waits until no more than those are open, but for a few that the Go
// runtime may have opened for itself meanwhile.
func (s *service) awaitDescriptors(t *testing.T, most int) {
	t.Helper()
	most += 2
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		open := s.descriptors(t)
		if open <= most {
			return
		}
		if time.Since(begun) > patience {
			t.Fatalf("%d descriptors are open, %d were before", open, most)
		}
	}
}

// startMeasured starts a service that has answered, and counts its descriptors.
func startMeasured(t *testing.T, environment ...string) (s *service, open int) {
	t.Helper()
	s = startService(t, append(environment, "AUTH_SERVICE_TOKEN="+tokentest.Good)...)
	c := s.connect(t)
	if got := c.ask(t, tokentest.Good).status; got != "200" {
		t.Fatalf("status %s", got)
	}
	return s, s.descriptors(t)
}

// many returns the wanted number of connections, or as many as this process
// may have beside the other tests' own.
func many(t *testing.T, wanted int) int {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if room := int(min(limit.Cur, 1<<20)) - 4000; room < wanted {
		t.Logf("%d connections instead of %d: ulimit -n is %d", max(room, 100), wanted, limit.Cur)
		return max(room, 100)
	}
	return wanted
}

// TestIdleFlood: thousands that say nothing cost little, and keep nobody from
// an answer, themselves included.
func TestIdleFlood(t *testing.T) {
	t.Parallel()
	s, open := startMeasured(t)
	before := s.resident(t)
	crowd := make([]*client, many(t, 10_000))
	for i := range crowd {
		crowd[i] = s.connect(t)
	}
	late := s.connect(t)
	if got := late.ask(t, tokentest.Good).status; got != "200" {
		t.Errorf("who came last got %s", got)
	}
	late.reset(t)
	if got := s.descriptors(t); got < len(crowd) {
		t.Errorf("%d descriptors for %d connections", got, len(crowd))
	}
	const each = 4 << 10
	if grown := s.resident(t) - before; grown > each*len(crowd)+(8<<20) {
		t.Errorf("%d idle connections take %d bytes", len(crowd), grown)
	}
	for i, c := range crowd {
		if i%100 == 0 {
			if got := c.ask(t, tokentest.Good).status; got != "200" {
				t.Errorf("an idle connection got %s", got)
			}
		}
		c.reset(t)
	}
	s.awaitDescriptors(t, open)
}

// TestHalfSentHeads: those that do not come to an end of their request are
// told so and cut off; nobody waits for them.
func TestHalfSentHeads(t *testing.T) {
	t.Parallel()
	s, open := startMeasured(t, "HEAD_TIMEOUT=2s")
	crowd := make([]*client, min(many(t, 2000), 2000))
	request := authRequest(tokentest.Good)
	for i := range crowd {
		crowd[i] = s.connect(t)
		if _, err := io.WriteString(crowd[i], request[:1+i%(len(request)-1)]); err != nil {
			t.Fatal(err)
		}
	}
	other := s.connect(t)
	if got := other.ask(t, tokentest.Good).status; got != "200" {
		t.Errorf("who sent a request got %s", got)
	}
	other.reset(t)
	for i, c := range crowd {
		if got := c.answer(t).status; got != "408" {
			t.Fatalf("connection %d of the half-sent got %s", i, got)
		}
		c.reset(t)
	}
	s.awaitDescriptors(t, open)
}

// TestLargeHeads: thousands of requests of the largest size that never end take
// no more memory together than the limit. The oldest are refused, and a complete
// request is answered.
func TestLargeHeads(t *testing.T) {
	t.Parallel()
	s, open := startMeasured(t)
	before := s.resident(t)
	head := "GET /auth HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("a:"+strings.Repeat(" ", 8090)+"b\r\n", 4)
	crowd := make([]*client, many(t, 9000))
	for i := range crowd {
		crowd[i] = s.connect(t)
		if _, err := io.WriteString(crowd[i], head); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		if i%1000 == 0 {
			other := s.connect(t)
			if got := other.ask(t, tokentest.Good).status; got != "200" {
				t.Errorf("a complete request got %s", got)
			}
			other.reset(t)
		}
	}
	// Twice the limit: the garbage collector lets the heap grow that far.
	const most = 2*limits.DefaultHeld + 32<<20
	if grown := s.resident(t) - before; grown > most {
		t.Errorf("%d incomplete requests take %d bytes", len(crowd), grown)
	}
	if total := len(crowd) * len(head); total < 3*limits.DefaultHeld {
		t.Logf("%d bytes in all say little", total)
	} else {
		s.await(t, "incomplete requests hold too much memory")
		if got := crowd[0].answer(t).status; got != "503" {
			t.Errorf("the oldest got %s", got)
		}
	}
	for _, c := range crowd {
		c.reset(t)
	}
	s.awaitDescriptors(t, open)
}

// TestConnectionFlood: silent connections, as many as the limit allows, keep
// nobody out.
func TestConnectionFlood(t *testing.T) {
	t.Parallel()
	s, open := startMeasured(t, "MAX_CONNECTIONS=500")
	var crowd []*client
	for i := range 2000 {
		crowd = append(crowd, s.connect(t))
		if i%100 == 99 {
			c := s.connect(t)
			if got := c.ask(t, tokentest.Good).status; got != "200" {
				t.Errorf("after %d silent connections, a new one got %s", i+1, got)
			}
			c.reset(t)
		}
	}
	if got := s.descriptors(t); got > 500+reservedDescriptors {
		t.Errorf("%d descriptors are open", got)
	}
	for _, c := range crowd {
		c.reset(t)
	}
	s.awaitDescriptors(t, open)
}

// TestDeafPipeliners send requests without reading an answer: what is held for
// each is bounded, and it ends.
func TestDeafPipeliners(t *testing.T) {
	t.Parallel()
	const crowd = 50
	s, open := startMeasured(t, "HEAD_TIMEOUT=1s")
	before := s.resident(t)
	requests := strings.Repeat(authRequest(tokentest.Good), 500)
	cut := make(chan int, crowd)
	for range crowd {
		c := s.connect(t)
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		go func() {
			sent := 0
			for {
				n, err := io.WriteString(c, requests)
				if sent += n; err != nil || sent > 1<<28 {
					cut <- sent
					return
				}
			}
		}()
	}
	other := s.connect(t)
	highest, ended := 0, 0
	for begun := time.Now(); ended < crowd; {
		if got := other.ask(t, tokentest.Good).status; got != "200" {
			t.Fatalf("who does read got %s", got)
		}
		highest = max(highest, s.resident(t))
		select {
		case sent := <-cut:
			if ended++; sent > 1<<28 {
				t.Error("the service takes whatever is sent")
			}
		case <-time.After(5 * time.Millisecond):
		}
		if time.Since(begun) > patience {
			t.Fatalf("%d of %d are cut off", ended, crowd)
		}
	}
	other.reset(t)
	if grown := highest - before; grown > 32<<20 {
		t.Errorf("the service grew by %d bytes", grown)
	}
	s.awaitDescriptors(t, open)
}

// TestResets: clients that break off, at every place of a request and of its
// response, leave nothing behind.
func TestResets(t *testing.T) {
	t.Parallel()
	s, open := startMeasured(t)
	request := strings.Repeat(authRequest(tokentest.Good), 3)
	for i := range len(request) * 3 {
		c := s.connect(t)
		if _, err := io.WriteString(c, request[:i/3]); err != nil {
			t.Fatal(err)
		}
		if i%3 == 1 {
			time.Sleep(time.Millisecond) // the service is reading, or has answered
		}
		c.reset(t)
	}
	if got := s.connect(t).ask(t, tokentest.Good).status; got != "200" {
		t.Errorf("status %s", got)
	}
	s.awaitDescriptors(t, open+1)
}
