package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/core"
)

// wipeEnvironmentBlock overwrites a variable in the memory that the kernel
// handed the process its environment in. Where /proc is not to be had, the
// variable stays there, readable by who may read the process's memory.
func wipeEnvironmentBlock(name string) {
	start, end, err := environmentBlock()
	if err != nil {
		return
	}
	memory, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer memory.Close()
	block := make([]byte, end-start)
	defer core.Wipe(block)
	n, _ := memory.ReadAt(block, start)
	for offset := 0; offset < n; {
		variable, _, _ := bytes.Cut(block[offset:n], []byte{0})
		if bytes.HasPrefix(variable, []byte(name+"=")) {
			_, _ = memory.WriteAt(make([]byte, len(variable)), start+int64(offset))
		}
		offset += len(variable) + 1
	}
}

// environmentBlock returns where the block lies, from fields 50 and 51 of
// /proc/self/stat (proc_pid_stat(5)).
func environmentBlock() (start, end int64, err error) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, 0, err
	}
	const firstAfterName, envStart, envEnd = 3, 50, 51
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= envEnd-firstAfterName {
		return 0, 0, fmt.Errorf("/proc/self/stat has %d fields", len(fields))
	}
	if start, err = strconv.ParseInt(string(fields[envStart-firstAfterName]), 10, 64); err != nil {
		return 0, 0, err
	}
	if end, err = strconv.ParseInt(string(fields[envEnd-firstAfterName]), 10, 64); err != nil {
		return 0, 0, err
	}
	if start <= 0 || end <= start || end-start > 16<<20 {
		return 0, 0, fmt.Errorf("the environment block is said to lie at %d to %d", start, end)
	}
	return start, end, nil
}

// forbidDumps keeps the process's memory from core files and from other
// processes of the same user (prctl(2), PR_SET_DUMPABLE).
func forbidDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("switching core dumps off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("making the process not dumpable: %w", err)
	}
	return nil
}

// descriptorLimit is how many files the process may have open.
func descriptorLimit() (uint64, bool) {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0, false
	}
	return limit.Cur, true
}
