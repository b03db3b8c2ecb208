package engine

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// withoutDescriptor is a listener that has a descriptor and does not give it away.
type withoutDescriptor struct{ net.Listener }

var errNoDescriptor = errors.New("no descriptor")

func (withoutDescriptor) SyscallConn() (syscall.RawConn, error) { return nil, errNoDescriptor }

// openDescriptors counts those of this process.
func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestServeFailsAltogether: if Serve fails half-way, it has closed everything. It
// runs beside no other test, because it counts descriptors and limits them.
func TestServeFailsAltogether(t *testing.T) {
	listeners := func() []net.Listener {
		return []net.Listener{enginetest.Listen(t), enginetest.Kinds()[1].Wrap(enginetest.Listen(t)), enginetest.Listen(t)}
	}
	serve := func(listeners []net.Listener) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return New(testOptions(Options{}), newToy).Serve(ctx, listeners...)
	}
	before := openDescriptors(t)
	if err := serve(append(listeners(), withoutDescriptor{enginetest.Listen(t)}, enginetest.Listen(t))); !errors.Is(err, errNoDescriptor) {
		t.Errorf("with a listener that has no descriptor: %v", err)
	}
	if open := openDescriptors(t); open != before {
		t.Errorf("with a listener that has no descriptor, %d descriptors stay open", open-before)
	}

	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for spare := range 9 { // two for the listeners, three for each loop, and one more
		ls := listeners()
		next, err := unix.Dup(0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(next)
		lower := limit
		lower.Cur = uint64(next + spare)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lower); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		err = New(testOptions(Options{}), newToy).Serve(ctx, ls...)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			failed++
			if !errors.Is(err, unix.EMFILE) {
				t.Errorf("with %d descriptors to spare: %v", spare, err)
			}
		}
		if open := openDescriptors(t); open != before {
			t.Errorf("with %d descriptors to spare, %d stay open (%v)", spare, open-before, err)
		}
	}
	if failed < 6 || failed == 9 {
		t.Errorf("Serve fails %d times of 9", failed)
	}
}

// TestProcessorsForLoops: Engines have one processor more than they have loops, and
// give it back. It runs beside no other test, because GOMAXPROCS is the process's.
func TestProcessorsForLoops(t *testing.T) {
	usual := runtime.GOMAXPROCS(0)
	expect := func(when string, want int) {
		t.Helper()
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("%s, GOMAXPROCS is %d, want %d", when, got, want)
		}
	}
	startWith := func(loops int) (stop func()) {
		address, stop := start(t, enginetest.Kinds()[0], Options{Loops: loops})
		if got := statusWithin(enginetest.Dial(t, address), 20*time.Second); got != "yes" {
			t.Fatalf("got %q", got)
		}
		return stop
	}
	first := startWith(usual)
	expect("with as many loops as there are processors", usual+1)
	if got := Processors(); got != usual {
		t.Errorf("without loops, there are %d processors, want %d", got, usual)
	}
	second := startWith(usual + 1)
	expect("with a second Engine", 2*usual+2)
	first()
	expect("with the second Engine alone", usual+2)
	third := startWith(1)
	second()
	expect("with one loop", max(usual, 2))
	third()
	expect("with no loop", usual)

	// The program's own choice stays.
	first = startWith(usual)
	runtime.GOMAXPROCS(usual + 7)
	first()
	expect("after the program has changed it", usual+7)
	first = startWith(usual)
	expect("with enough processors", usual+7)
	if got := Processors(); got != usual+7 {
		t.Errorf("without loops, there are %d processors, want %d", got, usual+7)
	}
	first()
	expect("at the end", usual+7)
	runtime.GOMAXPROCS(usual)
}
