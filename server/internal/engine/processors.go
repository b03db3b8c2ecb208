package engine

import (
	"os"
	"runtime"
	"sync"
)

// Processors is how many processors the program may use at a time: GOMAXPROCS, as it
// is when no Engine serves.
//
// While an Engine serves with event loops, GOMAXPROCS is raised to one more than there
// are loops, in all Engines of the process together, unless it is higher. A loop that waits
// for events keeps its processor only as long as Go's scheduler has another one that is
// free. Otherwise each wake-up begins with a hand-over between threads. So the
// further processor is for all that is not a loop. When the last Engine has
// stopped, GOMAXPROCS is what it was before. If the program itself changes GOMAXPROCS
// meanwhile, that stays.
func Processors() int {
	processors.Lock()
	defer processors.Unlock()
	if now := runtime.GOMAXPROCS(0); now != processors.raised {
		return now
	}
	return processors.usual
}

// processors is about the whole process, as GOMAXPROCS is.
var processors struct {
	sync.Mutex
	loops  int // that run
	usual  int // GOMAXPROCS without them
	raised int // GOMAXPROCS as it was raised for them, or 0
}

// occupyProcessors makes room for so many more loops. When they have ended, release
// must be called.
func occupyProcessors(loops int) (release func()) {
	changeLoops(loops)
	return func() { changeLoops(-loops) }
}

func changeLoops(by int) {
	p := &processors
	p.Lock()
	defer p.Unlock()
	p.loops += by
	if now := runtime.GOMAXPROCS(0); now != p.raised { // not raised, or changed by the program
		if p.raised > 0 && by < 0 {
			p.raised = 0
			return
		}
		p.usual, p.raised = now, 0
	}
	switch need := p.loops + 1; {
	case p.loops > 0 && need > p.usual:
		runtime.GOMAXPROCS(need)
		p.raised = need
	case p.raised > 0:
		restore(p.usual)
		p.raised = 0
	}
}

// restore sets GOMAXPROCS to what it was. If that is what the system allows the
// process, Go follows changes of it again, as it does unless GOMAXPROCS is set.
func restore(usual int) {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.SetDefaultGOMAXPROCS()
	}
	runtime.GOMAXPROCS(usual)
}
