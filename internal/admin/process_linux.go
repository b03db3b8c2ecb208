package admin

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/internal/admin/exposition"
)

// processFamilies returns the metrics of the process, with the names that Prometheus'
// own client gives them. It leaves out what the system does not tell.
func processFamilies() (families []exposition.Family) {
	add := func(kind exposition.Kind, name, help string, value float64) {
		families = append(families, exposition.Single(kind, "process_"+name, help, value))
	}
	if s, ok := readStat(); ok {
		add(exposition.Counter, "cpu_seconds_total", "Processor time used so far, in user space and in the kernel.", float64(s.processorTicks)/ticks)
		add(exposition.Gauge, "virtual_memory_bytes", "Virtual memory.", float64(s.virtual))
		add(exposition.Gauge, "resident_memory_bytes", "Resident memory.", float64(s.residentPages*os.Getpagesize()))
		if boot, ok := bootTime(); ok {
			add(exposition.Gauge, "start_time_seconds", "When the process started.", float64(boot)+float64(s.startTicks)/ticks)
		}
	}
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		add(exposition.Gauge, "open_fds", "Open file descriptors.", float64(len(entries)-1)) // one is the directory's
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		add(exposition.Gauge, "max_fds", "The most file descriptors that may be open.", float64(limit.Cur))
	}
	if unix.Getrlimit(unix.RLIMIT_AS, &limit) == nil {
		add(exposition.Gauge, "virtual_memory_max_bytes", "The most virtual memory that the process may have.", float64(limit.Cur))
	}
	if received, sent, ok := networkBytes(); ok {
		add(exposition.Counter, "network_receive_bytes_total", "Bytes that the process's network namespace has received.", float64(received))
		add(exposition.Counter, "network_transmit_bytes_total", "Bytes that the process's network namespace has sent.", float64(sent))
	}
	return families
}

// ticks is how many of its ticks the kernel shows in a second (USER_HZ).
const ticks = 100

// stat is a part of /proc/self/stat.
type stat struct{ processorTicks, startTicks, virtual, residentPages int }

func readStat() (s stat, ok bool) {
	contents, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return stat{}, false
	}
	// The numbers of the fields in proc_pid_stat(5). The second, the name in
	// parentheses, may hold anything.
	const state, utime, stime, starttime, vsize, rss = 3, 14, 15, 22, 23, 24
	fields := bytes.Fields(contents[bytes.LastIndexByte(contents, ')')+1:])
	if len(fields) <= rss-state {
		return stat{}, false
	}
	number := func(field int) int {
		n, _ := strconv.Atoi(string(fields[field-state]))
		return n
	}
	return stat{number(utime) + number(stime), number(starttime), number(vsize), number(rss)}, true
}

// bootTime is when the system was started, as a Unix second.
func bootTime() (at int, ok bool) {
	contents, _ := os.ReadFile("/proc/stat")
	for line := range bytes.Lines(contents) {
		if digits, found := bytes.CutPrefix(line, []byte("btime ")); found {
			at, err := strconv.Atoi(string(bytes.TrimSpace(digits)))
			return at, err == nil
		}
	}
	return 0, false
}

// networkBytes returns what all processes with the same network have received and
// sent. It reads the two lines of /proc/self/net/netstat that begin with IpExt: names,
// and then their values.
func networkBytes() (received, sent int, ok bool) {
	contents, _ := os.ReadFile("/proc/self/net/netstat")
	var names [][]byte
	for line := range bytes.Lines(contents) {
		fields := bytes.Fields(line)
		switch {
		case len(fields) == 0 || string(fields[0]) != "IpExt:":
		case names == nil:
			names = fields
		default:
			for i, name := range names[:min(len(names), len(fields))] {
				switch string(name) {
				case "InOctets":
					received, _ = strconv.Atoi(string(fields[i]))
				case "OutOctets":
					sent, _ = strconv.Atoi(string(fields[i]))
				}
			}
			return received, sent, true
		}
	}
	return 0, 0, false
}
