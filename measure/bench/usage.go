package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// usage is what a process and its children have used since they started.
type usage struct {
	CPU time.Duration
	// Switches count how often a thread gave up its processor by itself, to wait.
	Switches int
	// Monitor counts how often a Go program's monitor thread did so, which it does
	// to sleep until its next look.
	Monitor int
}

// usage reads it from /proc. What a thread that has ended did is missing in
// Switches; the servers here start their threads early and keep them.
func (p *process) usage() (u usage, err error) {
	for _, pid := range p.family() {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return u, err
		}
		used, err := parseStat(stat)
		if err != nil {
			return u, fmt.Errorf("%s: %w", p.name, err)
		}
		u.CPU += used
		switches, monitor, err := voluntarySwitches(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return u, fmt.Errorf("%s: %w", p.name, err)
		}
		u.Switches += switches
		u.Monitor += monitor
	}
	return u, nil
}

// voluntarySwitches returns the voluntary switches of all threads in tasks, the
// directory /proc/PID/task, and those of the thread that is Go's monitor in a Go
// program. That is the one after the first: runtime.main starts the monitor
// before any other thread.
func voluntarySwitches(tasks string) (all, monitor int, err error) {
	entries, err := os.ReadDir(tasks)
	if err != nil {
		return 0, 0, err
	}
	var threads []int
	for _, entry := range entries {
		thread, err := strconv.Atoi(entry.Name())
		if err != nil {
			return 0, 0, err
		}
		threads = append(threads, thread)
	}
	slices.Sort(threads)
	for i, thread := range threads {
		status, err := os.ReadFile(fmt.Sprintf("%s/%d/status", tasks, thread))
		if err != nil {
			continue // it has ended
		}
		switches, err := parseSwitches(status)
		if err != nil {
			return 0, 0, err
		}
		all += switches
		if i == 1 {
			monitor = switches
		}
	}
	return all, monitor, nil
}

func parseSwitches(status []byte) (int, error) {
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "voluntary_ctxt_switches:"); found {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				return 0, fmt.Errorf("/proc/PID/task/TID/status: voluntary_ctxt_switches: %w", err)
			}
			return n, nil
		}
	}
	return 0, fmt.Errorf("/proc/PID/task/TID/status: no voluntary_ctxt_switches in %q", status)
}

// parseStat reads utime and stime from /proc/PID/stat. The kernel counts them
// in hundredths of a second on every platform that Go knows.
func parseStat(stat []byte) (time.Duration, error) {
	const tick = 10 * time.Millisecond
	// The second field is the program's name in parentheses, which may hold
	// spaces and parentheses.
	_, rest, found := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	fields := bytes.Fields(rest)
	if !found || len(fields) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat: %q has too few fields", stat)
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc/PID/stat: utime: %w", err)
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc/PID/stat: stime: %w", err)
	}
	return time.Duration(user+system) * tick, nil
}
