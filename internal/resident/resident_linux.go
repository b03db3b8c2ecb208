package resident

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// GiveBackStart gives back the pages of the program file that only its start
// needed. Most of them belong to libraries that only the admin listener uses. What
// is needed again comes from the page cache. If the system does not allow it,
// nothing is given back. Outside Linux, GiveBackStart does nothing.
func GiveBackStart() {
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer func() { _ = maps.Close() }()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	var from, to uintptr
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"): // a mapping begins
			from, to = 0, 0
			if len(fields) > 5 && fields[5] == program && !strings.Contains(fields[1], "w") {
				from, to = addressRange(fields[0])
			}
		case len(fields) == 3 && fields[0] == "Anonymous:" && fields[1] == "0" && to > from:
			// Nothing in it has been written to, by a relocation for instance,
			// so the file has all of it.
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}

// addressRange reads the two ends of a mapping, or nothing.
func addressRange(text string) (from, to uintptr) {
	low, high, _ := strings.Cut(text, "-")
	a, err := strconv.ParseUint(low, 16, 64)
	if err != nil {
		return 0, 0
	}
	b, err := strconv.ParseUint(high, 16, 64)
	if err != nil {
		return 0, 0
	}
	return uintptr(a), uintptr(b)
}
