package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestFewDescriptors: a process that may open few files takes fewer
// connections and says so. At that limit the one that has been idle longest
// makes room for a new one.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	const files = 100
	s := newService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good)
	s.Args = []string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" --max-connections=1000`, files), s.Path}
	s.Path = "/bin/sh"
	s.run(t)
	s.await(t, "--max-connections is more than the limit of open files allows")
	var open []*client
	for i := range 3 * files {
		c := s.connect(t)
		if got := c.ask(t, tokentest.Good).status; got != "200" {
			t.Fatalf("connection %d got %s", i, got)
		}
		open = append(open, c)
	}
	s.await(t, "connection limit reached")
	if got := s.descriptors(t); got > files {
		t.Errorf("%d descriptors", got)
	}
	for i, c := range open {
		got := c.ask(t, tokentest.Good).status
		if recent := i >= len(open)-(files-reservedDescriptors); recent && got != "200" {
			t.Errorf("connection %d, one of the last, got %s", i, got)
		} else if !recent && got == "200" {
			t.Errorf("connection %d is still open", i)
		}
	}
}

// TestNoDescriptorsLeft: the limit is below what is open already. Connections
// have to wait, a keyring cannot be read; both go on once they can, and until
// then open connections get their verdicts.
func TestNoDescriptorsLeft(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.Keyring(1))
	s := startService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good, "AUTH_SERVICE_KEYRING="+path)
	c := s.connect(t)
	if got := c.ask(t, tokentest.Token(1)).status; got != "200" {
		t.Fatalf("status %s", got)
	}
	var before unix.Rlimit
	if err := unix.Prlimit(s.Process.Pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		needtest.Missing(t, "reading the limits of a process: %v (run the test as root)", err)
	}
	none := before
	none.Cur = 3
	if err := unix.Prlimit(s.Process.Pid, unix.RLIMIT_NOFILE, &none, nil); err != nil {
		needtest.Missing(t, "setting the limits of a process: %v (run the test as root)", err)
	}
	tokentest.WriteFile(t, path, tokentest.Keyring(2))
	s.await(t, "reload failed")
	waiting := s.connect(t)
	for range 20 {
		if got := c.ask(t, tokentest.Token(1)).status; got != "200" {
			t.Fatalf("on the open connection the last good keyring gives %s", got)
		}
	}
	if err := unix.Prlimit(s.Process.Pid, unix.RLIMIT_NOFILE, &before, nil); err != nil {
		t.Fatal(err)
	}
	if got := waiting.ask(t, tokentest.Good).status; got != "200" {
		t.Errorf("the connection that had to wait got %s", got)
	}
	s.awaitRotation(t, tokentest.Token(1), tokentest.Token(2))
}

// TestExpiryPasses: what was sent after the instant is denied, what was
// answered before it is not, on a connection that saw both.
func TestExpiryPasses(t *testing.T) {
	t.Parallel()
	const token = "a-token-that-expires-0123456789-abcdefgh"
	expiry := time.Now().Add(2 * time.Second).Truncate(time.Second)
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"),
		tokentest.Line("lasting", tokentest.Good, core.Never)+tokentest.Line("passing", token, expiry.Unix()))
	s := startService(t, "AUTH_SERVICE_KEYRING="+path, "LOG_FORMAT=json")
	c := s.connect(t)
	granted, denied := 0, 0
	for denied < 50 {
		sent := time.Now()
		got := c.ask(t, token)
		switch answered := time.Now(); {
		case got.status == "200" && sent.Before(expiry):
			granted++
		case got.status == "401" && !answered.Before(expiry):
			denied++
		default:
			t.Fatalf("%s, sent %v and answered %v after the expiry", got.status, sent.Sub(expiry), answered.Sub(expiry))
		}
		time.Sleep(time.Millisecond)
	}
	if granted == 0 {
		t.Error("it was never granted")
	}
	if got := c.ask(t, tokentest.Good).status; got != "200" {
		t.Errorf("a token that does not expire got %s", got)
	}
	s.await(t, `"reason":"expired"`)
}

// TestSwapsUnderLoad swaps two keyrings. Each answer says under which of them
// it was decided: a client may see no more changes from one to the other than
// were made, and nothing that neither of them gives.
func TestSwapsUnderLoad(t *testing.T) {
	t.Parallel()
	const always, never = 0, 9
	texts := [2]string{}
	for i := range texts {
		texts[i] = tokentest.Line(fmt.Sprint("always-", i), tokentest.Token(always), core.Never) +
			tokentest.Line(fmt.Sprint("sometimes-", i), tokentest.Token(i+1), core.Never)
	}
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), texts[0])
	s := startService(t, "AUTH_SERVICE_KEYRING="+path)
	var stop atomic.Bool
	var swaps, most atomic.Int64
	var clients sync.WaitGroup
	for range 6 {
		c := s.connect(t)
		clients.Go(func() {
			version, seen := 0, int64(0)
			for !stop.Load() {
				numbers := []int{always, 1, 2, never, always, 2, 1}
				for _, n := range numbers {
					c.send(t, tokentest.Token(n))
				}
				for _, n := range numbers {
					decided := version
					switch got := c.answer(t); {
					case n == always && got.status == "200" && strings.HasPrefix(got.user, "always-"):
						decided = int(got.user[len("always-")] - '0')
					case n == never && got.status == "401" && got.user == "":
					case (n == 1 || n == 2) && got.status == "200" && got.user == fmt.Sprint("sometimes-", n-1):
						decided = n - 1
					case (n == 1 || n == 2) && got.status == "401" && got.user == "":
						decided = 2 - n
					default:
						t.Errorf("token %d got %+v", n, got)
						return
					}
					if decided != version {
						version = decided
						seen++
					}
				}
				if made := swaps.Load(); seen > made {
					t.Errorf("%d changes were seen, and %d made", seen, made)
					return
				}
			}
			for old := most.Load(); seen > old && !most.CompareAndSwap(old, seen); old = most.Load() {
			}
		})
	}
	for i := 1; i <= 12; i++ {
		swaps.Add(1) // before it can be seen
		tokentest.Rename(t, tokentest.WriteFile(t, path+".new", texts[i%2]), path)
		// A hangup has it read at once, as often as one comes.
		for range 5 {
			if err := s.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	stop.Store(true)
	clients.Wait()
	if most.Load() == 0 {
		t.Error("no client has seen a swap")
	}
}

// TestLogsThatCannotBeWritten: neither a full disk nor a reader that has gone
// keeps the service from its verdicts and from an orderly end.
func TestLogsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) *os.File{
		"disk full": func(t *testing.T) *os.File {
			f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				needtest.Missing(t, "%v", err)
			}
			return f
		},
		"pipe closed": func(t *testing.T) *os.File {
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			read.Close()
			return write
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := open(t)
			defer to.Close()
			s := newService(t, "AUTH_SERVICE_TOKEN="+tokentest.Good, "LOG_LEVEL=debug")
			s.Stdout, s.Stderr = to, to
			s.run(t)
			c := s.connect(t)
			for range 100 {
				if got := c.ask(t, tokentest.Good).status; got != "200" {
					t.Fatalf("status %s", got)
				}
				if got := c.ask(t, "wrong").status; got != "401" {
					t.Fatalf("status %s", got)
				}
				time.Sleep(time.Millisecond) // the lines are written meanwhile
			}
			if err := s.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := s.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}
