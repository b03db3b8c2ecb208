package limits

import "syscall"

// descriptors returns how many files the process may have open.
func descriptors() (uint64, bool) {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0, false
	}
	return limit.Cur, true
}
