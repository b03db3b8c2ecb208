package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// giveBackStart gives back the pages of the program file that its start alone
// needed, most of them for libraries that are not in use without an admin
// listener. What is needed again comes from the page cache. It is about
// footprint, so what cannot be done is left.
func giveBackStart() {
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
