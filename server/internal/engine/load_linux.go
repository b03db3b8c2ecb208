package engine

import (
	"bytes"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A window is a time over which a loop measures its load, and what came of it. It is
// for the loop's own goroutine.
type window struct {
	start  int64         // on the engine's clock
	ran    time.Duration // processor time of the thread, at the start
	waited time.Duration // how long the thread has waited for a processor, at the start

	answers int // messages, or groups of them, since the start
}

// A load is what a loop was doing in its last window. Any goroutine may read it.
type load struct {
	end     atomic.Int64  // of the window
	busy    atomic.Uint32 // thousandths of a processor
	waited  atomic.Uint32 // thousandths of the time, in which the thread could have run
	answers atomic.Uint32 // in a second
}

// busyAt returns the share of a processor that the loop used, which is 0 if it has
// slept since.
func (l *load) busyAt(now int64) float64 {
	if now-l.end.Load() > 3*int64(balanceWindow) {
		return 0
	}
	return float64(l.busy.Load()) / 1000
}

// close publishes the window that ends at now, and opens the next.
func (w *window) close(now int64, ran, waited time.Duration, into *load) {
	length := float64(now - w.start)
	into.busy.Store(thousandths(float64(ran-w.ran) / length))
	into.waited.Store(thousandths(float64(waited-w.waited) / length))
	into.answers.Store(uint32(float64(w.answers) * float64(time.Second) / length))
	into.end.Store(now)
	*w = window{start: now, ran: ran, waited: waited}
}

func thousandths(share float64) uint32 { return uint32(1000 * min(max(share, 0), 1000)) }

// A procFile is a file of /proc that is read again and again.
type procFile struct{ fd int }

// openProc opens a file, or makes one that is always empty.
func openProc(path string) procFile {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return procFile{-1}
	}
	return procFile{fd}
}

// read returns the beginning of the file, which fits into b.
func (f procFile) read(b []byte) []byte {
	n, err := pread(f.fd, b)
	if err != nil {
		return nil
	}
	return b[:n]
}

func (f procFile) close() {
	if f.fd >= 0 {
		unix.Close(f.fd)
	}
}

// threadTimes returns how long the calling thread has run, and how long it has waited
// for a processor; see Documentation/scheduler/sched-stats.rst of Linux. The kernel may
// have been built without: then it seems never to wait.
func threadTimes(schedstat procFile) (ran, waited time.Duration) {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &usage) == nil {
		ran = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	var b [128]byte
	if fields := bytes.Fields(schedstat.read(b[:])); len(fields) > 1 {
		waited = time.Duration(number(fields[1]))
	}
	return ran, waited
}

// idleTime returns for how long the processors that this thread may use have had
// nothing to do, all together, since the machine was started. known is false if the
// system does not say.
func idleTime() (idle time.Duration, known bool) {
	var allowed unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) != nil {
		return 0, false
	}
	stat := openProc("/proc/stat")
	defer stat.close()
	for line := range bytes.Lines(stat.read(make([]byte, 64<<10))) {
		// cpu0 user nice system idle iowait …, in hundredths of a second
		fields := bytes.Fields(line)
		digits, isProcessor := bytes.CutPrefix(line, []byte("cpu"))
		if !isProcessor {
			break // the processors come first
		}
		if len(fields) < 6 || digits[0] == ' ' || !allowed.IsSet(number(bytes.TrimPrefix(fields[0], []byte("cpu")))) {
			continue
		}
		idle += time.Duration(number(fields[4])+number(fields[5])) * (time.Second / 100)
		known = true
	}
	return idle, known
}

// number returns the value of decimal digits, or 0.
func number(digits []byte) int {
	n, _ := strconv.Atoi(string(digits))
	return n
}
