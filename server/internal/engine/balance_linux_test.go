package engine

import (
	"runtime"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/needtest"
)

// relief returns two loops, the second of which relieves the first, which answered so
// many messages a second on its own.
func relief(t *testing.T, before uint32) (ls *testLoops, busy, relief *loop[toy]) {
	t.Helper()
	ls = newTestLoops(t, 2, Options{})
	for range 8 {
		ls.dial(t)
	}
	busy, relief = ls.loops[0], ls.loops[1]
	busy.balance.load.answers.Store(before)
	busy.balance.load.busy.Store(1000)
	busy.balance.load.end.Store(ls.clock)
	busy.seekRelief()
	// Not settle, which would measure these loops.
	relief.clock = ls.clock
	relief.takeOver()
	if busy.open != 4 || relief.open != 4 || !relief.accepting {
		t.Fatalf("%d and %d connections; accepting: %t", busy.open, relief.open, relief.accepting)
	}
	return ls, busy, relief
}

// say makes a loop's last window one of that load.
func (l *loop[S]) say(busy, waited, answers uint32) {
	l.balance.load.busy.Store(busy)
	l.balance.load.waited.Store(waited)
	l.balance.load.answers.Store(answers)
	l.balance.load.end.Store(l.clock)
}

// TestReliefMustHelp: a loop keeps what it took only as long as that is a gain.
func TestReliefMustHelp(t *testing.T) {
	t.Parallel()
	type said struct{ busy, waited, answers uint32 }
	for _, tt := range []struct {
		name        string
		after       time.Duration
		busy, other said
		keeps, vain bool
	}{
		{"more is answered", trial, said{900, 0, 900}, said{900, 0, 900}, true, false},
		{"nothing is known yet", balanceWindow, said{900, 900, 0}, said{900, 900, 0}, true, false},
		{"no more is answered", trial, said{900, 0, 500}, said{900, 0, 520}, false, true},
		{"no more is answered, before the trial is over", trial - 1, said{900, 0, 500}, said{900, 0, 520}, true, false},
		{"it waits for a processor", 2 * balanceWindow, said{900, 0, 900}, said{900, 100, 900}, false, true},
		{"the other waits for a processor", 2 * balanceWindow, said{900, 100, 900}, said{900, 0, 900}, false, true},
		{"one would be enough", 2 * balanceWindow, said{240, 0, 900}, said{240, 0, 900}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ls, busy, relief := relief(t, 1000)
			ls.pass(tt.after)
			busy.clock, relief.clock = ls.clock, ls.clock
			busy.say(tt.busy.busy, tt.busy.waited, tt.busy.answers)
			relief.say(tt.other.busy, tt.other.waited, tt.other.answers)
			relief.judgeRelief()
			if keeps := relief.open > 0; keeps != tt.keeps || keeps != relief.accepting || keeps != (relief.balance.relieves.Load() != nil) {
				t.Errorf("it keeps %d connections; accepting: %t", relief.open, relief.accepting)
			}
			if vain := busy.balance.inVain.Load(); vain != tt.vain {
				t.Errorf("in vain: %t", vain)
			}
			busy.takeOver()
			if busy.open+relief.open != 8 {
				t.Errorf("%d and %d connections of 8", busy.open, relief.open)
			}
		})
	}
}

// TestRetreatTakesItsTime: a connection that is not idle stays until it is.
func TestRetreatTakesItsTime(t *testing.T) {
	t.Parallel()
	_, busy, relief := relief(t, 1000)
	c := relief.idle.first.of
	relief.waitIn(&relief.begun, c, time.Second)
	relief.balance.retreats = true
	relief.retreat()
	busy.takeOver()
	if relief.open != 1 || busy.open != 7 || relief.balance.relieves.Load() != busy {
		t.Fatalf("%d and %d connections", busy.open, relief.open)
	}
	busy.say(1000, 0, 0)
	if busy.balance.inVain.Load() {
		t.Error("in vain")
	}
	relief.waitIn(&relief.idle, c, time.Second)
	relief.retreat()
	busy.takeOver()
	if relief.open != 0 || busy.open != 8 || relief.balance.relieves.Load() != nil {
		t.Errorf("%d and %d connections", busy.open, relief.open)
	}
}

// TestReliefNeedsAnIdleProcessor: a loop seeks relief if a processor was idle, and
// not for a while after relief was in vain.
func TestReliefNeedsAnIdleProcessor(t *testing.T) {
	t.Parallel()
	if _, known := idleTime(); !known {
		needtest.Missing(t, "the system does not say how long its processors were idle")
	}
	ls := newTestLoops(t, 2, Options{})
	l := ls.loops[0]
	mayGain := func(idleBefore time.Duration) bool {
		ls.pass(balanceWindow)
		l.clock = ls.clock
		if l.balance.idleAt != 0 {
			l.balance.idle = idleBefore
		}
		return l.mayGain()
	}
	ls.pass(time.Hour)
	if mayGain(0) {
		t.Error("after one look")
	}
	if !mayGain(0) { // idle ever since the machine was started
		t.Error("no relief though a processor was idle")
	}
	if mayGain(time.Duration(1) << 62) {
		t.Error("relief though none was idle")
	}
	for range int(firstPause/balanceWindow) - 1 {
		if mayGain(0) {
			t.Error("it did not wait before it looked again")
		}
	}
	for _, pause := range []time.Duration{firstPause, 2 * firstPause, 4 * firstPause} {
		l.balance.inVain.Store(true)
		looks := 0
		for !mayGain(0) {
			if looks++; looks > 100 {
				t.Fatal("it never seeks relief again")
			}
		}
		if waited := time.Duration(looks) * balanceWindow; waited < pause || waited > pause+2*balanceWindow {
			t.Errorf("it sought relief again after %v, not %v", waited, pause)
		}
	}
}

// TestThreadTimes: the thread has run after it has computed.
func TestThreadTimes(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	schedstat := openProc("/proc/thread-self/schedstat")
	defer schedstat.close()
	before, waitedBefore := threadTimes(schedstat)
	for ran := before; ran < before+10*time.Millisecond; {
		ran, _ = threadTimes(schedstat)
	}
	_, waited := threadTimes(schedstat)
	if waited < waitedBefore {
		t.Errorf("it has waited for %v, and before for %v", waited, waitedBefore)
	}
	if ran, waited := threadTimes(openProc("/proc/none")); ran == 0 || waited != 0 {
		t.Errorf("without statistics: %v, %v", ran, waited)
	}
}
