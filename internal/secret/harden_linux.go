package secret

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// forgetRepetitions starts the program again, in the same process, if a
// variable is in the environment block more than once. The first one counts.
// The runtime makes a string of each before the program begins, but hands out
// only the first. Only the kernel can remove the others, when it replaces the
// memory of the process.
func forgetRepetitions(name string) error {
	block, err := environmentBlock()
	if err != nil {
		return nil // wipeEnvironmentBlock reports it
	}
	first := true
	for variable := range bytes.SplitSeq(block, []byte{0}) {
		if !isVariable(variable, name) {
			continue
		}
		if !first {
			err := syscall.Exec("/proc/self/exe", os.Args, os.Environ()) //nolint:gosec // the program itself, as it was started
			return fmt.Errorf("%s is set more than once, and a copy of it stays in memory; set it once: %w", name, err)
		}
		first = false
	}
	return nil
}

// wipeEnvironmentBlock overwrites every occurrence of a variable in the memory in
// which the kernel handed the process its environment. If /proc is not available,
// the variable stays there for anybody who may read the process's memory.
func wipeEnvironmentBlock(name string) error {
	block, err := environmentBlock()
	if err != nil {
		return fmt.Errorf("wiping %s from the environment block: %w", name, err)
	}
	for variable := range bytes.SplitSeq(block, []byte{0}) {
		if isVariable(variable, name) {
			Wipe(variable)
		}
	}
	return nil
}

func isVariable(b []byte, name string) bool {
	return len(b) > len(name) && string(b[:len(name)]) == name && b[len(name)] == '='
}

// environmentBlock returns the block itself, from fields 50 and 51 of
// /proc/self/stat (proc_pid_stat(5)). It is on the stack that the process began
// with, which stays mapped and writable.
func environmentBlock() ([]byte, error) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return nil, err
	}
	const firstAfterName, envStart, envEnd = 3, 50, 51
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= envEnd-firstAfterName {
		return nil, fmt.Errorf("/proc/self/stat has %d fields", len(fields))
	}
	start, startErr := strconv.ParseUint(string(fields[envStart-firstAfterName]), 10, strconv.IntSize)
	end, endErr := strconv.ParseUint(string(fields[envEnd-firstAfterName]), 10, strconv.IntSize)
	if err := errors.Join(startErr, endErr); err != nil {
		return nil, err
	}
	if start == 0 || end < start || end-start > 16<<20 {
		return nil, fmt.Errorf("/proc/self/stat says that the block lies at %d to %d", start, end)
	}
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), uintptr(start))), end-start), nil
}

// ForbidDumps keeps the process's memory out of core files and away from other
// processes of the same user. If the system refuses one of these, ForbidDumps
// still does the other. Outside Linux it does nothing, and the system's own
// settings apply.
func ForbidDumps() error {
	var limit, dumpable error
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		limit = fmt.Errorf("disabling core dumps: %w", err)
	}
	// Every thread of the process is meant, whichever asks (prctl(2)).
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0, 0, 0, 0); errno != 0 {
		dumpable = fmt.Errorf("making the process not dumpable: %w", errno)
	}
	return errors.Join(limit, dumpable)
}
