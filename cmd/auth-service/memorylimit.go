package main

const (
	// heldShare is the divisor of the memory limit: incomplete requests may hold
	// an eighth. The garbage collector lets the heap grow to twice what is in use,
	// and the kernel's buffers for the same connections count as well.
	heldShare   = 8
	defaultHeld = 64 << 20
	leastHeld   = 1 << 20
)

// heldLimit returns how much incomplete requests may hold together, in bytes.
func heldLimit(cgroup func() (uint64, error)) int64 {
	limit, err := cgroup()
	if err != nil { // no limit, or no cgroup
		return defaultHeld
	}
	return max(int64(limit/heldShare), leastHeld)
}
